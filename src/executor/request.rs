//! One request of a row, admitted and counted.

use super::Executor;
use super::reply::signal;
use super::row::Row;
use crate::client::Reply;

impl<'a> Executor<'a> {
    /// Sends the body, again after each refusal for want of quota as long as what it was merged from is fresh:
    /// reading the lead anew each time would use up the very quota that is missing.
    pub(super) async fn patch_while_fresh(
        &self,
        row: &mut Row<'_, 'a>,
        body: &[u8],
    ) -> Option<Reply> {
        loop {
            let reply = self.patch(row, body.to_vec()).await?;
            let refused = matches!(&reply, Reply::Answer(answer) if answer.status == 429);
            if !refused || row.is_stale() {
                return Some(reply);
            }
        }
    }

    async fn patch(&self, row: &mut Row<'_, 'a>, body: Vec<u8>) -> Option<Reply> {
        let permit = self.permit(row).await?;
        row.shown.clear();
        // Counted beforehand: the run may end while the request is under way.
        self.sent.set(self.sent.get() + 1);
        let reply = self.client.patch(&row.correction.lead_id, body).await;
        permit.report(signal(&reply));
        if matches!(reply, Reply::NotConnected { .. }) {
            self.sent.set(self.sent.get() - 1);
        }
        row.trace("PATCH", &reply);
        let mut traffic = self.traffic.borrow_mut();
        traffic.requests += 1;
        if !matches!(&reply, Reply::Answer(answer) if answer.status == 429) {
            if row.attempts > 0 {
                traffic.retries += 1;
            } else {
                self.retry_budget.borrow_mut().earn();
            }
            row.attempts += 1;
        }
        Some(reply)
    }

    pub(super) async fn get(&self, row: &mut Row<'_, 'a>) -> Option<Reply> {
        let permit = self.permit(row).await?;
        let reply = self.client.read(&row.correction.lead_id).await;
        permit.report(signal(&reply));
        row.trace("GET", &reply);
        let mut traffic = self.traffic.borrow_mut();
        traffic.requests += 1;
        traffic.reads += 1;
        Some(reply)
    }
}
