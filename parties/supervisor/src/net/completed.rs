//! An opening that the log has as completed already. Its result is in the requester's file.

use std::path::Path;

use merits_primitives::ids::EntryId;

use super::{
    session::{Asked, Opened, OpenedClaim, Session, read},
    session_error::SessionError,
};
use crate::request::identity_hash;

impl Session {
    /// The result in the request's file, if it is the one whose hash is in the log. The process may have been killed
    /// after the log took that hash. No holder answers such a request again.
    ///
    /// # Errors
    /// [`SessionError::Completed`] if the file holds no such result, and [`SessionError::File`].
    pub(super) fn completed(
        &self,
        asked: &Asked,
        logged: [u8; 32],
        file: &Path,
    ) -> Result<OpenedClaim, SessionError> {
        let (request, content) = (asked.ask.request, &asked.ask.content);
        let kept = read(file)?;
        let claim = kept.opened().map(Opened::Claim);
        let redeemer = || kept.redeemed_by().map(Opened::Redeemer);
        let opened = claim.or_else(redeemer).filter(|opened| {
            let hash = match opened {
                Opened::Claim(opened) => opened.hash(&request, content),
                Opened::Redeemer(identity) => identity_hash(&request, content, identity),
            };
            hash == logged
        });
        let opened = opened.ok_or_else(|| SessionError::Completed {
            request,
            path: file.to_owned(),
        })?;
        Ok(OpenedClaim {
            request,
            completion: self.completion(request, logged),
            opened,
        })
    }

    /// The id of the entry that completed the request. Ids cover no signature, so it is the same whichever key signed.
    fn completion(&self, request: EntryId, hash: [u8; 32]) -> EntryId {
        self.signer().complete_opening(request, hash).id()
    }
}
