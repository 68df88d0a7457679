//! Answers that show a secret, kept for whoever asks again with the same key because the first answer
//! got lost: a second endpoint, or a secret changed twice, would be the price.

use daybook_domain::{dispatch::CommandKey, ids::TenantId};
use secrecy::SecretString;
use sqlx::{FromRow, types::Json};
use zeroize::Zeroizing;

use super::{
    WebhookError,
    endpoints::{Endpoint, Endpoints, bound_to},
    signature::{Scheme, Secret},
};
use crate::postgres::Scope;

/// An endpoint with a fresh secret, which is seen this once.
#[derive(Debug)]
pub struct WithSecret {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Its secret; absent if it is the private half of a pair.
    pub secret: Option<SecretString>,
    /// Whether this is the answer to an earlier request with the same key.
    pub repeated: bool,
}

#[derive(FromRow)]
struct Answer {
    request_hash: Vec<u8>,
    endpoint: Json<Endpoint>,
    secret: Vec<u8>,
}

/// Whether a statement broke off because its key has an answer already.
fn is_answered(error: &sqlx::Error) -> bool {
    let constraint = error.as_database_error().and_then(|error| error.constraint());
    constraint == Some("webhook_answers_pkey")
}

/// The secret, if it is one that two sides share.
fn shown(endpoint: &Endpoint, secret: &Secret) -> Option<SecretString> {
    (endpoint.signature == Scheme::V1).then(|| secret.shown())
}

impl Endpoints {
    /// What a statement with a key has made, or what one before it had.
    pub(super) async fn once(
        &self,
        (tenant, key): (TenantId, Option<&CommandKey>),
        secret: &Secret,
        made: Result<Option<Endpoint>, sqlx::Error>,
    ) -> Result<Option<WithSecret>, WebhookError> {
        match (made, key) {
            // Two came at once, and the other one was quicker.
            (Err(error), Some(key)) if is_answered(&error) => self.answered(tenant, key).await,
            // The limit may have been reached by the very endpoint that this request repeats.
            (Ok(None), Some(key)) => self.answered(tenant, key).await,
            (Err(error), _) => Err(error.into()),
            (Ok(made), _) => Ok(made.map(|endpoint| WithSecret {
                secret: shown(&endpoint, secret),
                endpoint,
                repeated: false,
            })),
        }
    }

    /// The answer to an earlier request with a key. The key must stand for the same request.
    pub(super) async fn answered(
        &self,
        tenant: TenantId,
        key: &CommandKey,
    ) -> Result<Option<WithSecret>, WebhookError> {
        let mut scope = Scope::acquire(self.pool(), tenant).await?;
        let query = sqlx::query_as(include_str!("answer.sql")).bind(tenant.uuid()).bind(&key.key);
        let found: Option<Answer> = query.fetch_optional(&mut *scope).await?;
        drop(scope);
        let Some(Answer { request_hash, endpoint: Json(endpoint), secret }) = found else {
            return Ok(None);
        };
        if request_hash != key.request_hash {
            return Err(WebhookError::KeyReused);
        }
        let opened = self.vault().open_secret(tenant, &bound_to(endpoint.id), &secret).await?;
        let secret = Secret::from_bytes(Zeroizing::new(opened.to_vec()));
        Ok(Some(WithSecret { secret: shown(&endpoint, &secret), endpoint, repeated: true }))
    }
}
