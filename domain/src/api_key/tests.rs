//! Keys that expire, rotate and are revoked.

use super::*;
use crate::aggregate::Evolve as _;

fn day(number: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000 + number)
}

fn hash(byte: u8) -> SecretHash {
    SecretHash([byte; 32])
}

fn create() -> ApiKeyCommand {
    ApiKeyCommand::Create {
        name: "Till".to_owned(),
        scopes: ["bookings:write", "bookings:read"].map(str::to_owned).into(),
        secret_hash: hash(1),
        at: day(0),
        expires_at: day(90),
    }
}

fn rotate(overlap: TimeDelta) -> ApiKeyCommand {
    ApiKeyCommand::Rotate { secret_hash: hash(2), at: day(10), overlap, expires_at: day(100) }
}

fn after(commands: impl IntoIterator<Item = ApiKeyCommand>) -> ApiKey {
    let mut state = ApiKey::default();
    for command in commands {
        for event in state.decide(command).expect("the command is accepted") {
            state.evolve(&event);
        }
    }
    state
}

fn good(state: &ApiKey, at: DateTime<Utc>) -> Vec<SecretHash> {
    state.good_secrets(at).copied().collect()
}

#[test]
fn a_key_is_good_until_the_instant_at_which_it_expires() {
    let state = after([create()]);
    assert_eq!(good(&state, day(89)), [hash(1)]);
    assert_eq!(good(&state, day(90)), []);
    assert_eq!(state.scopes(), ["bookings:read", "bookings:write"]);
}

#[test]
fn after_a_rotation_both_secrets_are_good_until_the_overlap_ends() {
    let state = after([create(), rotate(TimeDelta::days(1))]);
    assert_eq!(good(&state, day(10)), [hash(2), hash(1)]);
    assert_eq!(good(&state, day(11)), [hash(2)]);
    assert_eq!(good(&after([create(), rotate(TimeDelta::zero())]), day(10)), [hash(2)]);
}

#[test]
fn a_revoked_key_has_no_good_secret_and_is_not_rotated_again() {
    let revoke = ApiKeyCommand::Revoke { at: day(11) };
    let state = after([create(), rotate(TimeDelta::days(30)), revoke.clone()]);
    assert_eq!(good(&state, day(12)), []);
    assert_eq!(state.decide(revoke), Ok(Vec::new()));
    let refusal = state.decide(rotate(TimeDelta::zero())).unwrap_err();
    assert_eq!(refusal, MasterDataError::Inactive { what: "API key", field: "id" });
}

#[test]
fn a_key_that_was_never_created_is_neither_rotated_nor_revoked() {
    for command in [rotate(TimeDelta::zero()), ApiKeyCommand::Revoke { at: day(1) }] {
        let refusal = ApiKey::default().decide(command).unwrap_err();
        assert_eq!(refusal, MasterDataError::NotFound { what: "API key", field: "id" });
    }
}

#[test]
fn a_key_without_scopes_or_that_expires_at_once_is_refused() {
    let ApiKeyCommand::Create { name, secret_hash, at, expires_at, scopes } = create() else {
        unreachable!("it creates a key");
    };
    let no_scopes = ApiKeyCommand::Create {
        name: name.clone(),
        scopes: BTreeSet::new(),
        secret_hash,
        at,
        expires_at,
    };
    let no_life = ApiKeyCommand::Create { name, scopes, secret_hash, at, expires_at: at };
    for (command, field) in [(no_scopes, "scopes"), (no_life, "expires_at")] {
        let refusal = ApiKey::default().decide(command).unwrap_err();
        assert!(matches!(&refusal, MasterDataError::Invalid { field: at, .. } if at == field));
    }
}
