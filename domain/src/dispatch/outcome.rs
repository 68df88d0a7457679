//! Whether an append that is under way came to stand: what the next commands of its streams, which
//! decide on its events already, must know before they may be believed.

use std::sync::{Arc, Mutex, PoisonError};

use futures::channel::oneshot;
use uuid::Uuid;

use crate::event_log::Position;

/// The last event of a stream that was not confirmed yet, and the append that it came with.
#[derive(Clone)]
pub(super) struct Unconfirmed {
    pub(super) event_id: Uuid,
    pub(super) outcome: Arc<Outcome>,
}

/// The outcome of one append, known later.
#[derive(Default)]
pub(super) struct Outcome(Mutex<State>);

enum State {
    UnderWay(Vec<oneshot::Sender<()>>),
    /// Where its last event stands, if it stands.
    Known(Option<Position>),
}

impl Default for State {
    fn default() -> Self {
        Self::UnderWay(Vec::new())
    }
}

impl Outcome {
    /// Whether the append stands; `None` while it is under way.
    pub(super) fn stands(&self) -> Option<bool> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            State::UnderWay(_) => None,
            State::Known(position) => Some(position.is_some()),
        }
    }

    /// Where the last event of the append stands; 0 unless it is known to stand.
    pub(super) fn position(&self) -> Position {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Known(Some(position)) => *position,
            State::Known(None) | State::UnderWay(_) => Position(0),
        }
    }

    /// Waits until it is known whether the append stands.
    pub(super) async fn wait(&self) -> bool {
        loop {
            let known = {
                let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                match &mut *state {
                    State::Known(position) => return position.is_some(),
                    State::UnderWay(waiting) => {
                        let (tell, known) = oneshot::channel();
                        waiting.push(tell);
                        known
                    }
                }
            };
            // Told or not, the state says it.
            let (Ok(()) | Err(oneshot::Canceled)) = known.await;
        }
    }

    /// Makes the outcome known, once: where its last event stands. Whoever knows nothing better says
    /// that it fell: then what rests on it is decided again.
    pub(super) fn settle(&self, position: Option<Position>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::UnderWay(_)) {
            // The waiting ones are told by the end of their channels.
            *state = State::Known(position);
        }
    }
}
