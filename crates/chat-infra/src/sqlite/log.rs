//! The history of each group: appending goes to `append`, reading to `history`.

use async_trait::async_trait;
use chat_domain::{
    group::{Head, Tip},
    id::{GroupId, Seq},
    message::Draft,
    ports::{Appended, MessageLog, PortError, PortResult, Slice},
};

use super::SqliteDatabase;

#[async_trait]
impl MessageLog for SqliteDatabase {
    async fn append(&self, draft: Draft) -> PortResult<Appended> {
        self.appender.append(draft).await
    }

    async fn head(&self, group: &GroupId) -> PortResult<Option<Head>> {
        self.find_head(group)
            .await
            .map_err(PortError::during("find the end of a history"))
    }

    async fn tips(&self, groups: &[GroupId]) -> PortResult<Vec<(GroupId, Tip)>> {
        self.find_tips(groups)
            .await
            .map_err(PortError::during("find the ends of histories"))
    }

    async fn before(
        &self,
        group: &GroupId,
        before: Option<Seq>,
        limit: usize,
    ) -> PortResult<Slice> {
        self.read_before(group, before, limit)
            .await
            .map_err(PortError::during("read a history back"))
    }

    async fn after(&self, group: &GroupId, after: Seq, limit: usize) -> PortResult<Slice> {
        self.read_after(group, after, limit)
            .await
            .map_err(PortError::during("read a history on"))
    }
}
