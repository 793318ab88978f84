//! What every database must do: [`UserRepo`], [`GroupRepo`], [`MembershipRepo`], [`Roster`], [`MessageLog`],
//! [`ReadMarks`] and [`RevokedTokens`] over the same tables.
//!
//! Each behaviour is one async function; [`crate::database_contract`] makes a test of each. The modules follow the ports;
//! `scene` sets them.

pub mod groups;
pub mod history;
pub mod log;
pub mod marks;
pub mod memberships;
pub mod revoked;
pub mod roster;
mod scene;
pub mod users;

use std::{any::Any, sync::Arc};

use crate::ports::{
    GroupRepo, MembershipRepo, MessageLog, ReadMarks, RevokedTokens, Roster, UserRepo,
};

/// The ports of one database, which is empty at first and nobody else's.
pub struct Database {
    /// Users' records.
    pub users: Arc<dyn UserRepo>,
    /// Groups' records.
    pub groups: Arc<dyn GroupRepo>,
    /// Reading members.
    pub memberships: Arc<dyn MembershipRepo>,
    /// Changing members.
    pub roster: Arc<dyn Roster>,
    /// The history of each group.
    pub log: Arc<dyn MessageLog>,
    /// How far members have read.
    pub marks: Arc<dyn ReadMarks>,
    /// Tokens that are refused.
    pub revoked: Arc<dyn RevokedTokens>,
    kept: Vec<Box<dyn Any + Send + Sync>>,
}

impl Database {
    /// The ports of a store that has them all.
    pub fn of<T>(store: T) -> Self
    where
        T: UserRepo
            + GroupRepo
            + MembershipRepo
            + Roster
            + MessageLog
            + ReadMarks
            + RevokedTokens
            + 'static,
    {
        let store = Arc::new(store);
        Self {
            users: Arc::clone(&store) as _,
            groups: Arc::clone(&store) as _,
            memberships: Arc::clone(&store) as _,
            roster: Arc::clone(&store) as _,
            log: Arc::clone(&store) as _,
            marks: Arc::clone(&store) as _,
            revoked: store,
            kept: Vec::new(),
        }
    }

    /// Keeps something as long as the ports: the folder of a file, the process of a server.
    #[must_use]
    pub fn keeping(mut self, what: impl Any + Send + Sync) -> Self {
        self.kept.push(Box::new(what));
        self
    }
}

/// Makes a test of each behaviour, given an expression whose future is a fresh [`Database`]. The caller brings `tokio`.
///
/// ```ignore
/// database_contract!(async { Database::of(MemoryDatabase::default()) });
/// ```
#[macro_export]
macro_rules! database_contract {
    ($fixture:expr) => {
        $crate::database_behaviours! { $fixture;
            users: [
                a_saved_user_is_found,
                an_unknown_user_is_not_found,
                saving_a_user_again_replaces_the_record,
                a_new_name_or_picture_alone_is_saved,
                an_ensured_user_is_named_after_the_id,
                ensuring_a_user_keeps_the_record,
                a_user_ensured_many_times_at_once_is_there,
            ]
            groups: [
                a_created_group_is_found_as_it_was_made,
                who_creates_a_group_owns_it,
                a_group_is_created_once,
                of_many_creations_at_once_one_succeeds,
                a_change_touches_what_it_names,
                a_description_can_be_taken_away,
                a_missing_group_is_neither_found_nor_changed_nor_deleted,
                a_deleted_group_takes_everything_with_it,
                a_deleted_group_leaves_the_others_alone,
                a_group_made_again_starts_anew,
                groups_are_listed_by_id_page_by_page,
                a_listed_group_shows_role_newest_message_and_mark,
                a_listed_group_without_messages_has_no_newest_one,
                only_the_users_own_groups_are_listed,
            ]
            memberships: [
                a_member_is_found,
                who_is_no_member_is_not_found,
                members_are_listed_by_id_page_by_page,
                members_are_listed_with_their_records_of_today,
                the_groups_of_a_user_are_those_with_a_membership,
                members_are_found_among_others,
            ]
            roster: [
                an_added_member_is_one,
                adding_a_member_again_changes_nothing,
                of_many_additions_at_once_one_succeeds,
                nobody_is_added_to_a_missing_group,
                a_new_member_has_nothing_to_catch_up_with,
                a_role_is_changed,
                who_is_no_member_has_no_role_to_change,
                the_last_owner_keeps_the_role,
                of_owners_who_step_down_at_once_one_stays,
                a_removed_member_is_none_any_more,
                who_is_no_member_is_not_removed,
                the_last_owner_is_not_removed,
                of_owners_removed_at_once_one_stays,
                passing_on_makes_the_heir_the_only_owner,
                passing_on_to_oneself_changes_nothing,
                passing_on_to_who_is_no_member_changes_nothing,
                every_change_of_members_is_seen_at_the_group,
                what_changes_nobody_is_not_seen_at_the_group,
                a_group_that_was_made_again_has_another_roster,
            ]
            log: [
                a_stored_message_is_the_draft_with_a_seq,
                seq_counts_in_each_group_from_one,
                fifty_drafts_at_once_get_every_seq_once,
                drafts_for_many_groups_at_once_stay_apart,
                a_draft_sent_again_answers_with_the_first_message,
                a_draft_sent_many_times_at_once_is_stored_once,
                a_client_id_belongs_to_its_sender_and_group,
                drafts_without_a_client_id_are_never_the_same,
                what_the_server_says_again_is_stored_once,
                a_reply_quotes_what_it_answers,
                a_reply_beyond_the_group_is_refused,
                there_is_no_history_without_a_group,
                refused_drafts_take_no_seq_from_those_beside_them,
                a_draft_is_no_duplicate_of_one_that_was_refused,
                a_first_message_shows_its_author_of_today,
            ]
            history: [
                the_newest_page_comes_first,
                older_pages_follow_without_gap_or_overlap,
                newer_pages_follow_without_gap_or_overlap,
                beyond_the_ends_there_is_nothing,
                a_missing_group_has_no_history,
                a_history_shows_everything_that_was_stored,
                a_history_shows_authors_as_they_are_today,
                the_head_moves_with_the_newest_message,
                tips_are_those_of_the_groups_that_exist,
                who_reads_on_while_others_write_misses_nothing,
            ]
            marks: [
                unread_are_the_messages_after_the_mark,
                ones_own_messages_are_never_unread,
                what_the_server_says_is_unread,
                counting_stops_at_a_thousand,
                a_mark_never_moves_back,
                a_mark_never_moves_past_the_end,
                marks_set_at_once_end_at_the_furthest,
                who_is_no_member_has_no_mark,
                marks_are_found_for_members_only,
            ]
            revoked: [
                a_revoked_token_is_listed_until_its_end,
                revoking_again_moves_the_end_but_never_back,
                what_was_revoked_before_is_not_listed_again,
            ]
        }
    };
}

/// One test a behaviour, for [`database_contract`].
#[doc(hidden)]
#[macro_export]
macro_rules! database_behaviours {
    ($fixture:expr; $($port:ident: [$($behaviour:ident),* $(,)?])*) => {
        $($(
            #[tokio::test]
            async fn $behaviour() {
                let database: $crate::contract::database::Database = $fixture.await;
                $crate::contract::database::$port::$behaviour(&database).await;
            }
        )*)*
    };
}
