//! Whether those who signed a leaf may say what it says.

use super::{Refused, Signers};
use crate::leaf::{Leaf, Payload};
use crate::role::Role;
use crate::root::Root;

/// How many must sign, at least, for something to begin in an emergency. To stop, the role's own threshold is enough.
const EMERGENCY_STARTS: u64 = 2;

/// Who said something, and in which role.
pub(super) struct Approval {
    pub(super) role: Role,
    /// Distinct public keys.
    pub(super) signers: Signers,
}

/// The roles that may say something, the usual one first. A role is never here for what a more powerful ring does, except to
/// stop it.
pub fn may_say(payload: &Payload) -> &'static [Role] {
    match payload {
        // The first carries its own signatures, the other has no effect.
        Payload::Root(_) | Payload::Unknown { .. } => &[],
        Payload::Policy(_) => &[Role::Root],
        Payload::ModuleRelease(_) => &[Role::Modules],
        Payload::ModuleYank(_) | Payload::ModuleRevoke(_) => &[Role::Modules, Role::Emergency],
        Payload::RebuildAttest(_) => &[Role::Rebuild],
        Payload::ScriptPublish(_) | Payload::ScriptRevoke(_) | Payload::Flags(_) => {
            &[Role::Scripts, Role::Emergency]
        }
        Payload::ListPublish(_) => &[Role::Lists, Role::Emergency],
        Payload::EventSchedule(_) => &[Role::Schedule],
        Payload::EventWiden(_) | Payload::EventClose(_) => &[Role::Schedule, Role::Adjust],
        Payload::EventCancel(_) => &[Role::Schedule, Role::Adjust, Role::Emergency],
        Payload::Snapshot(_) | Payload::Heartbeat(_) => &[Role::Snapshot],
    }
}

/// How many must have signed.
fn needed(payload: &Payload, role: Role, threshold: u64) -> u64 {
    match payload {
        Payload::ScriptPublish(_) | Payload::ListPublish(_) if role == Role::Emergency => {
            threshold.max(EMERGENCY_STARTS)
        }
        _ => threshold,
    }
}

/// Every signature must be right and by somebody who has the role, and there must be enough, by distinct public keys. One
/// wrong signature refuses the leaf: an honest server appends none, and so the reason says what was tried.
pub(super) fn approve(leaf: &Leaf, root: &Root) -> Result<Approval, Refused> {
    if leaf.log() != root.log().origin {
        return Err(Refused::OtherLog(leaf.log().to_owned()));
    }
    let role = leaf.signatures().first().ok_or(Refused::NotSigned)?.role;
    if let Some(other) = leaf.signatures().iter().find(|signature| signature.role != role) {
        return Err(Refused::TwoRoles(role, other.role));
    }
    let kind = leaf.payload().kind();
    if !may_say(leaf.payload()).contains(&role) {
        let kind = kind.to_owned();
        return Err(Refused::WrongRole { role, kind });
    }
    let keys = root.role(role).ok_or(Refused::NobodyHas(role))?;
    let mut signers = Signers::new();
    for signature in leaf.signatures() {
        let keyid = signature.keyid;
        let key = keys.key(&keyid).ok_or(Refused::NotInRole { role, keyid })?;
        if !signature.is_of(key, leaf) {
            return Err(Refused::BadSignature { role, keyid });
        }
        if !signers.insert(*key) {
            return Err(Refused::SignedTwice(keyid));
        }
    }
    let signed = signers.iter().map(|_| 1).sum();
    let needed = needed(leaf.payload(), role, keys.threshold());
    if signed < needed {
        return Err(Refused::TooFew { role, signed, needed });
    }
    Ok(Approval { role, signers })
}
