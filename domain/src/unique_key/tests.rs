//! One value, one owner.

use super::*;

fn claim(owner: &str) -> UniqueKeyCommand {
    UniqueKeyCommand::Claim { owner: owner.to_owned(), field: "name" }
}

fn release(owner: &str) -> UniqueKeyCommand {
    UniqueKeyCommand::Release { owner: owner.to_owned() }
}

fn after(commands: impl IntoIterator<Item = UniqueKeyCommand>) -> UniqueKey {
    let mut state = UniqueKey::default();
    for command in commands {
        for event in state.decide(command).unwrap_or_default() {
            state.evolve(&event);
        }
    }
    state
}

#[test]
fn a_second_owner_is_refused_and_told_the_first() {
    let refusal = after([claim("a")]).decide(claim("b")).unwrap_err();
    assert_eq!(refusal, MasterDataError::Taken { field: "name", owner: "a".to_owned() });
}

#[test]
fn a_repeated_claim_records_nothing() {
    assert_eq!(after([claim("a")]).decide(claim("a")), Ok(Vec::new()));
}

#[test]
fn only_the_owner_gives_a_value_back() {
    assert_eq!(after([claim("a"), release("b")]).owner(), Some("a"));
    assert_eq!(after([claim("a"), release("a")]).owner(), None);
}

#[test]
fn a_value_given_back_can_be_taken_by_another() {
    assert_eq!(after([claim("a"), release("a"), claim("b")]).owner(), Some("b"));
}
