//! One request of a row, admitted and counted.

use super::Executor;
use super::row::Row;
use crate::client::Reply;
use crate::limiter::Permit;

/// What came of a body that was to be sent.
#[derive(Debug)]
pub(super) enum Sent {
    /// A reply other than a refusal for want of quota.
    Replied(Reply),
    /// What it was merged from had become too old when its turn came; the row has the permit.
    Stale,
}

impl<'a> Executor<'a> {
    /// Sends the body, again after each refusal for want of quota as long as what it was merged from is fresh:
    /// reading the lead anew each time would use up the very quota that is missing.
    pub(super) async fn patch_while_fresh(
        &self,
        row: &mut Row<'_, 'a>,
        body: &[u8],
    ) -> Option<Sent> {
        loop {
            let permit = self.permit(row).await?;
            if row.is_stale() {
                row.permit = Some(permit);
                return Some(Sent::Stale);
            }
            row.renewed = false;
            let reply = self.patch(row, permit, body.to_vec()).await?;
            if reply.status() != Some(429) {
                return Some(Sent::Replied(reply));
            }
        }
    }

    async fn patch(
        &self,
        row: &mut Row<'_, 'a>,
        permit: Permit<'a>,
        body: Vec<u8>,
    ) -> Option<Reply> {
        row.shown.clear();
        // Counted beforehand: the run may end while the request is under way.
        self.sent.set(self.sent.get() + 1);
        let lead_id = row.correction.lead_id.as_str();
        let reply = self.client.patch(lead_id, body).await;
        let heard = self.hear(row, permit, "PATCH", lead_id, &reply).await;
        if matches!(reply, Reply::NotConnected { .. }) {
            self.sent.set(self.sent.get() - 1);
        }
        let mut traffic = self.traffic.borrow_mut();
        traffic.requests += 1;
        if reply.status() != Some(429) {
            if row.attempts > 0 {
                traffic.retries += 1;
            } else {
                self.retry_budget.borrow_mut().earn();
            }
            row.attempts += 1;
        }
        heard.map(|()| reply)
    }

    /// Reads the row's lead.
    pub(super) async fn get(&self, row: &mut Row<'_, 'a>) -> Option<Reply> {
        let lead_id = row.correction.lead_id.as_str();
        self.read(row, lead_id).await
    }

    /// Reads a lead on behalf of a row.
    pub(super) async fn read(&self, row: &mut Row<'_, 'a>, lead_id: &str) -> Option<Reply> {
        let permit = self.permit(row).await?;
        let reply = self.read_unadmitted(lead_id).await;
        self.hear(row, permit, "GET", lead_id, &reply).await?;
        Some(reply)
    }

    /// Takes the reply to a request of a row; `None` when the run ends before anybody knows whose it is.
    async fn hear(
        &self,
        row: &Row<'_, 'a>,
        permit: Permit<'a>,
        method: &str,
        lead_id: &str,
        reply: &Reply,
    ) -> Option<()> {
        permit.report(self.signal(reply));
        row.trace(method, lead_id, reply);
        self.hear_the_api(reply).await
    }

    /// Reads a lead on behalf of nobody, and whatever the limiter says.
    pub(super) async fn read_unadmitted(&self, lead_id: &str) -> Reply {
        let reply = self.client.read(lead_id).await;
        let mut traffic = self.traffic.borrow_mut();
        traffic.requests += 1;
        traffic.reads += 1;
        reply
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use crate::api::Dialect;
    use crate::correction::Correction;
    use crate::executor::row::tests::{client, limiter, settings};
    use crate::halt::Halt;

    #[tokio::test]
    async fn what_was_merged_too_long_ago_when_its_turn_comes_is_not_sent() {
        let client = client("http://127.0.0.1:1/v1");
        let limiter = limiter(Duration::from_mins(2));
        let halt = Halt::default();
        let executor = Executor::new(&client, &limiter, &halt, settings());
        let correction = Correction::of("lead_1");
        let permit = executor.begin().await.unwrap();
        let mut row = Row::new(Some(permit), &correction, false, Dialect::Guide);
        row.merged_at = Instant::now().checked_sub(Duration::from_mins(2));
        let sent = executor.patch_while_fresh(&mut row, b"{}").await;
        assert!(matches!(sent, Some(Sent::Stale)) && !executor.has_sent());
        row.renewed = true;
        let sent = executor.patch_while_fresh(&mut row, b"{}").await;
        let replied = matches!(sent, Some(Sent::Replied(Reply::NotConnected { .. })));
        assert!(replied && !row.renewed, "{sent:?}");
    }
}
