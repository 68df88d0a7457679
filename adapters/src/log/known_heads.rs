//! How far each history is known to this process: what shows that a history moved back.
//!
//! A failover to a standby that lacked the end of the log, or a backup that was restored beneath a
//! running process, takes events away that were read and acted on, and others take their positions and
//! revisions. So the last position that was seen of each tenant is remembered with its hash, which
//! stands for everything before it. They are compared
//! - under the lock of the head, in every append;
//! - with the heads that are read;
//! - whenever a connection to a server is made that was not looked at since it started.
//!
//! What is found to have moved back begins a new generation: whoever remembers anything of an earlier
//! one drops it before anything is decided, see `EventLog::generation`.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use daybook_domain::{
    event_log::{Head, Position, RecordedEvent},
    ids::TenantId,
};
use sqlx::PgConnection;
use uuid::Uuid;

/// Positions that are compared at once.
const PAGE: usize = 5000;
/// Tenants that are named one by one in the process's log, each time.
const NAMED: usize = 20;
/// Positions that are known of one tenant: the first, which an append has proved, and the last ones that
/// were read since.
const POINTS: usize = 8;

type Hash = [u8; 32];
/// An event that was seen.
type Point = (Position, Hash);

/// How far each history is known. Cheap to clone; clones share it.
#[derive(Clone, Default)]
pub struct KnownHeads {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    /// In the order of positions. What was read is kept besides what an append has proved: it may be of
    /// a history that is gone by then.
    heads: Mutex<HashMap<TenantId, Vec<Point>>>,
    generation: AtomicU64,
    /// The server that everything was compared with last.
    server: tokio::sync::Mutex<Option<String>>,
}

impl std::fmt::Debug for KnownHeads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KnownHeads").field("generation", &self.generation()).finish_non_exhaustive()
    }
}

impl KnownHeads {
    fn heads(&self) -> MutexGuard<'_, HashMap<TenantId, Vec<Point>>> {
        self.inner.heads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often histories were found to have moved back.
    pub fn generation(&self) -> u64 {
        self.inner.generation.load(Ordering::SeqCst)
    }

    /// What is known of a tenant's history.
    pub(crate) fn of(&self, tenant: TenantId) -> Vec<Point> {
        self.heads().get(&tenant).cloned().unwrap_or_default()
    }

    /// An event was read. Another one than was known at its position shows that the history moved back.
    pub(crate) fn saw(&self, event: &RecordedEvent) {
        let point = (event.position, event.hash);
        let other = {
            let mut heads = self.heads();
            let points = heads.entry(event.tenant).or_default();
            match points.last() {
                Some(last) if event.position < last.0 => None,
                Some(last) if event.position == last.0 => Some(*last).filter(|last| *last != point),
                _later => {
                    if points.len() == POINTS {
                        points.remove(1);
                    }
                    points.push(point);
                    None
                }
            }
        };
        if let Some(other) = other {
            self.moved_back(&[(event.tenant, other)]);
        }
    }

    /// An append was made whose last event this is: under the lock of the head, everything that was known
    /// when it began was found in its place.
    pub(crate) fn proved(&self, tenant: TenantId, point: Point) {
        let mut heads = self.heads();
        let points = heads.entry(tenant).or_default();
        points.retain(|known| point.0 < known.0);
        points.insert(0, point);
    }

    /// Whether a head is below what is known, or beside it. One that was read before an append of this
    /// process was answered is below as well: [`Self::look`] tells the two apart.
    pub(crate) fn is_doubtful(&self, head: &Head) -> bool {
        let heads = self.heads();
        let last = heads.get(&head.tenant).and_then(|points| points.last());
        last.is_some_and(|last| {
            head.position < last.0 || (head.position == last.0 && head.hash != last.1)
        })
    }

    /// Compares what is known of some tenants, or of all, with the log behind a connection.
    pub(crate) async fn look(
        &self,
        connection: &mut PgConnection,
        tenants: Option<&[TenantId]>,
    ) -> Result<(), sqlx::Error> {
        let known: Vec<(TenantId, Point)> = {
            let heads = self.heads();
            let wanted = heads.iter().filter(|it| tenants.is_none_or(|some| some.contains(it.0)));
            wanted.flat_map(|(tenant, all)| all.iter().map(|point| (*tenant, *point))).collect()
        };
        let mut moved = Vec::new();
        for page in known.chunks(PAGE) {
            let ids: Vec<Uuid> = page.iter().map(|(tenant, _)| tenant.uuid()).collect();
            let positions: Vec<i64> =
                page.iter().map(|(_, (position, _))| position.0.cast_signed()).collect();
            let hashes: Vec<&[u8]> = page.iter().map(|(_, (_, hash))| hash.as_slice()).collect();
            let found: Vec<i64> = sqlx::query_scalar(include_str!("moved_back.sql"))
                .bind(ids)
                .bind(positions)
                .bind(hashes)
                .fetch_all(&mut *connection)
                .await?;
            let of_page = found.into_iter().filter_map(|no| page.get(usize::try_from(no - 1).ok()?));
            moved.extend(of_page.copied());
        }
        self.moved_back(&moved);
        Ok(())
    }

    /// Compares everything that is known with the log of a server, once each time that one is connected
    /// to which was not looked at since it started. A standby that still follows is not looked at: it
    /// may be behind, and nothing is decided there.
    pub(crate) async fn check_server(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(), sqlx::Error> {
        let (server, is_standby): (String, bool) =
            sqlx::query_as(include_str!("server.sql")).fetch_one(&mut *connection).await?;
        if is_standby {
            return Ok(());
        }
        let mut looked_at = self.inner.server.lock().await;
        if looked_at.as_ref() != Some(&server) {
            self.look(connection, None).await?;
            *looked_at = Some(server);
        }
        Ok(())
    }

    /// Some histories moved back: events that were known are not there. What is known of these tenants
    /// is forgotten, and a new generation begins.
    pub(crate) fn moved_back(&self, moved: &[(TenantId, Point)]) {
        let mut tenants: Vec<_> = moved.iter().map(|(tenant, _)| *tenant).collect();
        tenants.sort_unstable();
        tenants.dedup();
        if tenants.is_empty() {
            return;
        }
        let mut heads = self.heads();
        for tenant in &tenants {
            heads.remove(tenant);
        }
        self.inner.generation.fetch_add(1, Ordering::SeqCst);
        drop(heads);
        for tenant in tenants.iter().take(NAMED) {
            let lost = moved.iter().filter(|(of, _)| of == tenant).map(|(_, (position, _))| *position);
            let position = lost.min().unwrap_or_default();
            tracing::error!(
                %tenant, %position,
                "the history moved back: the event that was known at this position is not in the log \
                 any more; everything that was remembered is dropped"
            );
        }
        if NAMED < tenants.len() {
            tracing::error!(tenants = tenants.len(), "more histories moved back than are named");
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use daybook_domain::event_log::{Revision, StreamId};

    use super::*;

    const TENANT: TenantId = TenantId::new(Uuid::from_u128(7));

    fn event(position: u64, hash: u8) -> RecordedEvent {
        RecordedEvent {
            tenant: TENANT,
            position: Position(position),
            stream: StreamId::new("tenant", "7"),
            revision: Revision(position),
            event_id: Uuid::from_u128(position.into()),
            event_type: "tenant.opened".to_owned(),
            event_version: "1.0.0".to_owned(),
            payload: "{}".to_owned(),
            metadata: "{}".to_owned(),
            recorded_at: DateTime::UNIX_EPOCH,
            hash: [hash; 32],
        }
    }

    #[test]
    fn another_event_at_the_place_of_the_last_one_begins_a_generation() {
        let known = KnownHeads::default();
        for position in [3, 2, 3] {
            known.saw(&event(position, 3));
        }
        assert_eq!((known.generation(), known.of(TENANT)), (0, vec![(Position(3), [3; 32])]));
        known.saw(&event(3, 4));
        assert_eq!((known.generation(), known.of(TENANT)), (1, Vec::new()));
    }

    #[test]
    fn what_was_read_since_is_kept_until_an_append_has_proved_it() {
        let known = KnownHeads::default();
        known.proved(TENANT, (Position(1), [1; 32]));
        for position in 2..=20 {
            known.saw(&event(position, 2));
        }
        let positions = || known.of(TENANT).iter().map(|(position, _)| position.0).collect::<Vec<_>>();
        assert_eq!(positions(), [1, 14, 15, 16, 17, 18, 19, 20]);
        known.proved(TENANT, (Position(19), [2; 32]));
        assert_eq!(positions(), [19, 20]);
    }

    #[test]
    fn a_head_below_or_beside_what_is_known_is_doubtful() {
        let known = KnownHeads::default();
        let doubtful = |position, hash| {
            let head = Head { tenant: TENANT, position: Position(position), hash: [hash; 32] };
            known.is_doubtful(&head)
        };
        assert!(!doubtful(3, 3), "nothing is known");
        known.saw(&event(3, 3));
        assert_eq!([doubtful(3, 3), doubtful(3, 4), doubtful(2, 2), doubtful(4, 4)],
            [false, true, true, false]);
    }
}
