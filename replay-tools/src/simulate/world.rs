//! The simulated world: a log in memory on which the commands of the past are decided again, by the
//! rules and the dispatcher that decide them for real.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use chrono::DateTime;
use daybook_adapters::log::MemoryLog;
use daybook_domain::{
    appointment::Appointment,
    availability::StaffWish,
    booking::BookingError,
    dispatch::{CommandContext, CommandError, Dispatcher, UnitCommand},
    event_log::{
        Append, EventData, ExpectedRevision, Metadata, Position, RecordedEvent, StreamWrite,
    },
    ids::{AppointmentId, HoldId, IdSource, SeriesId, TenantId},
    ports::EventLog as _,
};
use serde_json::Value;
use uuid::Uuid;

use super::outcome::{Refused, in_past_ids};

/// Ids in the order of their making, unlike any that a history holds.
#[derive(Debug, Default)]
struct MadeUpIds(AtomicU64);

impl IdSource for MadeUpIds {
    fn next_id(&self) -> Uuid {
        let number = u128::from(self.0.fetch_add(1, Ordering::Relaxed));
        // Version 8: made by rules of one's own (RFC 9562, 5.8).
        Uuid::from_u128((0x51e << 112) | (0x8 << 76) | (0x8 << 60) | number)
    }
}

/// Whom a customer asked for, by the request that a receipt was given for.
pub(super) type Wishes = HashMap<(String, i64), StaffWish>;

/// The simulated world.
pub(super) struct World {
    pub(super) tenant: TenantId,
    pub(super) dispatcher: Dispatcher<MemoryLog>,
    ids: Arc<dyn IdSource>,
    /// How far the simulated log was looked at.
    pub(super) seen: Position,
    pub(super) wishes: Wishes,
    pub(super) appointments: HashMap<AppointmentId, AppointmentId>,
    pub(super) holds: HashMap<HoldId, HoldId>,
    pub(super) series: HashMap<SeriesId, SeriesId>,
    pub(super) refused_holds: HashMap<HoldId, Refused>,
    /// From the ids of this world to those of the past.
    pub(super) past: HashMap<Uuid, Uuid>,
}

impl World {
    pub(super) async fn new(tenant: TenantId, wishes: Wishes) -> anyhow::Result<Self> {
        let log = MemoryLog::new();
        log.open_tenant(tenant).await?;
        Ok(Self {
            tenant,
            dispatcher: Dispatcher::new(log),
            ids: Arc::new(MadeUpIds::default()),
            seen: Position(0),
            wishes,
            appointments: HashMap::new(),
            holds: HashMap::new(),
            series: HashMap::new(),
            refused_holds: HashMap::new(),
            past: HashMap::new(),
        })
    }

    /// Takes facts over as they were.
    pub(super) async fn take_over(&mut self, facts: Vec<RecordedEvent>) -> anyhow::Result<()> {
        let mut writes: Vec<StreamWrite> = Vec::new();
        for fact in facts {
            let event = EventData {
                event_id: fact.event_id,
                event_type: fact.event_type.into(),
                event_version: fact.event_version.into(),
                payload: impersonal(fact.payload)?,
                metadata: fact.metadata.into(),
            };
            match writes.iter_mut().find(|write| write.stream == fact.stream) {
                Some(write) => write.events.push(event),
                None => writes.push(StreamWrite {
                    stream: fact.stream,
                    expected: ExpectedRevision::Any,
                    events: vec![event],
                }),
            }
        }
        if !writes.is_empty() {
            let (tenant, unchanged) = (self.tenant, Vec::new());
            let append = Append { tenant, command: None, writes, unchanged };
            self.dispatcher.log().append(append).await?;
        }
        Ok(())
    }

    /// The circumstances of a command of the past.
    fn context(&self, metadata: &Metadata) -> CommandContext {
        CommandContext {
            tenant: self.tenant,
            actor: metadata.actor.clone(),
            actor_name: metadata.actor_name.clone(),
            on_behalf_of: metadata.on_behalf_of.as_ref().and_then(|text| text.parse().ok()),
            at: metadata.at,
            correlation_id: metadata.correlation_id.clone(),
            causation_id: metadata.causation_id.clone(),
            source: metadata.source.clone(),
            key: None,
            dry_run: false,
            ids: Arc::clone(&self.ids),
        }
    }

    /// Puts a command to the world; the inner error is its refusal.
    pub(super) async fn ask<C: UnitCommand>(
        &self,
        metadata: &Metadata,
        command: &C,
        dry_run: bool,
    ) -> anyhow::Result<Result<C::Answer, C::Refusal>> {
        let context = CommandContext { dry_run, ..self.context(metadata) };
        match self.dispatcher.run(&context, command).await {
            Ok(done) => Ok(Ok(done.answer)),
            Err(CommandError::Refused { refusal, .. }) => Ok(Err(refusal)),
            Err(CommandError::Failed(error)) => Err(error.into()),
            Err(CommandError::KeyReused | CommandError::Contended) => {
                anyhow::bail!("a command that stands alone was disturbed")
            }
        }
    }

    /// As [`Self::ask`], for bookings.
    pub(super) async fn try_to<C: UnitCommand<Refusal = BookingError>>(
        &self,
        metadata: &Metadata,
        command: &C,
        dry_run: bool,
    ) -> anyhow::Result<Result<C::Answer, Refused>> {
        let asked = self.ask(metadata, command, dry_run).await?;
        Ok(asked.map_err(|refusal| {
            let mut refused = Refused::of(&refusal);
            let past = |id: Uuid| self.past.get(&id).copied();
            refused.details = refused.details.map(|details| in_past_ids(details, &past));
            refused
        }))
    }

    /// The state of an appointment of the past in this world, if it has one.
    pub(super) async fn appointment(
        &self,
        id: AppointmentId,
    ) -> anyhow::Result<Option<Arc<Appointment>>> {
        let Some(own) = self.appointments.get(&id) else { return Ok(None) };
        self.own_appointment(*own).await.map(Some)
    }

    /// The state of an appointment that only this world has.
    pub(super) async fn own_appointment(
        &self,
        id: AppointmentId,
    ) -> anyhow::Result<Arc<Appointment>> {
        let nobody = Metadata::new("system:simulate", DateTime::UNIX_EPOCH, "simulate");
        let (state, _) = self.dispatcher.state(&self.context(&nobody), id).await?;
        Ok(state)
    }

    /// An id that nothing has yet.
    pub(super) fn new_id(&self) -> Uuid {
        self.ids.next_id()
    }

    /// The hold of the past in this world.
    pub(super) fn hold(&self, id: HoldId) -> Option<HoldId> {
        self.holds.get(&id).copied()
    }

    /// How far the simulated log goes.
    pub(super) async fn head(&self) -> anyhow::Result<Position> {
        let head = self.dispatcher.log().head(self.tenant).await?;
        Ok(head.map_or(Position(0), |head| head.position))
    }
}

/// A payload in which nothing of a person can be read, should the log have been read through a vault:
/// no rule asks for it.
fn impersonal(payload: String) -> anyhow::Result<String> {
    fn erase(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                if let Some(subject) = fields.remove("$personal") {
                    *fields = serde_json::Map::from_iter([("$erased".to_owned(), subject)]);
                }
                fields.values_mut().for_each(erase);
            }
            Value::Array(values) => values.iter_mut().for_each(erase),
            _plain => (),
        }
    }
    if !payload.contains("$personal") {
        return Ok(payload);
    }
    let mut value = serde_json::from_str(&payload)?;
    erase(&mut value);
    Ok(value.to_string())
}
