//! The signals that end the program.

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinHandle,
};

use crate::server::{Stage, Stages};

/// Hears SIGTERM and SIGINT: the first lets the program finish what is under way, the second ends it
/// at once. It hears them until it is dropped.
pub(super) struct Signals {
    stage: watch::Sender<Stage>,
    task: JoinHandle<()>,
}

impl Signals {
    pub(super) fn hear() -> std::io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let stage = watch::Sender::new(Stage::Serving);
        let heard = stage.clone();
        let task = tokio::spawn(async move {
            for next in [Stage::Draining, Stage::Ending] {
                let name = tokio::select! {
                    _ = terminate.recv() => "SIGTERM",
                    _ = interrupt.recv() => "SIGINT",
                };
                tracing::info!(signal = name, stage = ?next, "stopping");
                move_to(&heard, next);
            }
        });
        Ok(Self { stage, task })
    }

    /// The stage that the signals have brought the program to.
    pub(super) fn stages(&self) -> Stages {
        self.stage.subscribe()
    }

    /// Goes to a stage without a signal.
    pub(super) fn advance(&self, stage: Stage) {
        move_to(&self.stage, stage);
    }
}

/// A stage never goes back.
fn move_to(current: &watch::Sender<Stage>, stage: Stage) {
    current.send_if_modified(|current| {
        let is_later = *current < stage;
        *current = stage.max(*current);
        is_later
    });
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.task.abort();
    }
}
