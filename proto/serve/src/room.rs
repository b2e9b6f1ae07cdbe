//! Whether there is room for a call, or for one more item of a stream, and who is to make some.

use std::{sync::Arc, time::Duration};

use merits_proto::{Fault, Reason};
use tokio::sync::{AcquireError, OwnedSemaphorePermit};
use tonic::Code;

use crate::{
    bound::Bound, callers::Caller, connection::Connection, pressure::Pressure, server::Shared,
};

/// A call that holds more units than this is large, 16 of them for its headers. Half of all memory is
/// for the others, so that streams and pages do not keep single entries out.
const LARGE: u32 = 256 + 16;

/// A call waits so long for room before it is sent away.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often a caller looks again who holds as much as there is left.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// When a caller who found no room should come back.
const RETRY: Duration = Duration::from_millis(500);

/// What a call, or an item of a stream, holds of a server, for as long as a copy of this lives. Work
/// that goes on when its call is gone keeps a copy: what it holds is not free before.
#[derive(Clone, Debug, Default)]
pub struct Memory(#[expect(dead_code, reason = "held")] Arc<Vec<OwnedSemaphorePermit>>);

impl Memory {
    pub(crate) fn of_permits(permits: Vec<OwnedSemaphorePermit>) -> Self {
        Self(Arc::new(permits))
    }

    /// What the call of this request holds; nothing if it came past our server.
    pub fn of<T>(request: &tonic::Request<T>) -> Self {
        request.extensions().get().cloned().unwrap_or_default()
    }
}

/// What a call asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Whether a service is there. Monitors ask when everything else is taken, so what they need is
    /// kept apart.
    Probe,
    /// To be told when that changes; open for days, and silent.
    Watch,
    /// So many units.
    Units(u32),
}

/// Takes what a call holds.
pub(crate) async fn admit(
    shared: &Shared,
    connection: &Connection,
    wanted: Wanted,
) -> Result<Memory, Fault> {
    let caller = &connection.place.0;
    let (own, all, units) = match wanted {
        Wanted::Probe => (&caller.probes, &shared.probes, None),
        Wanted::Watch => (&caller.watches, &shared.watches, None),
        Wanted::Units(units) => (&caller.calls, &shared.calls, Some(units)),
    };
    let full = |pressed: &Pressure| {
        pressed.now();
        Fault::busy(RETRY)
    };
    if units.is_some() && !own.leaves_enough(all, 1) {
        return Err(full(presses(shared, caller)));
    }
    let mut held = Vec::with_capacity(7);
    held.push(own.try_take(1).map_err(|_| full(&caller.pressed))?);
    held.push(all.try_take(1).map_err(|_| full(&shared.pressed))?);
    if let Some(units) = units {
        let room = memory(shared, connection, units, units > LARGE);
        match tokio::time::timeout(PATIENCE, room).await {
            Ok(Ok(more)) => held.extend(more),
            Ok(Err(_)) => return Err(Fault::stopping()),
            Err(_) => return Err(no_room()),
        }
    }
    Ok(Memory::of_permits(held))
}

/// Takes memory of the connection, the caller and the server, when each has it. Who waits for what
/// their own connection holds presses nobody; who waits for what their own address holds presses this
/// address; who waits for what all hold presses those who hold more than their part.
pub(crate) async fn memory(
    shared: &Shared,
    connection: &Connection,
    units: u32,
    large: bool,
) -> Result<Vec<OwnedSemaphorePermit>, AcquireError> {
    let caller = &connection.place.0;
    let is_too_much = || {
        let memory = caller.memory.leaves_enough(&shared.memory, units);
        let of_large = !large || caller.large.leaves_enough(&shared.large, units);
        !(memory && of_large)
    };
    while is_too_much() {
        let _pressing = presses(shared, caller).while_held();
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    let mut held = Vec::with_capacity(5);
    held.push(connection.memory.take(units).await?);
    let bounds = [
        (&caller.large, &caller.pressed, true),
        (&caller.memory, &caller.pressed, false),
        (&shared.large, &shared.pressed, true),
        (&shared.memory, &shared.pressed, false),
    ];
    for (bound, pressed, of_large) in bounds {
        if large || !of_large {
            held.push(pressing(bound, units, pressed).await?);
        }
    }
    Ok(held)
}

async fn pressing(
    bound: &Bound,
    units: u32,
    pressed: &Pressure,
) -> Result<OwnedSemaphorePermit, AcquireError> {
    if let Ok(permit) = bound.try_take(units) {
        return Ok(permit);
    }
    let _pressing = pressed.while_held();
    bound.take(units).await
}

/// Whom a caller presses who may have no more because little is left: itself, if it holds much.
fn presses<'a>(shared: &'a Shared, caller: &'a Caller) -> &'a Pressure {
    if shared.has_more_than_its_part(caller) {
        &caller.pressed
    } else {
        &shared.pressed
    }
}

fn no_room() -> Fault {
    let message = "there is no room for one more call: earlier calls of this connection, of this address or of all together hold it; read their answers";
    Fault {
        retry_after: Some(RETRY),
        ..Fault::new(Code::ResourceExhausted, Reason::Busy, "", message)
    }
}

/// The answer to a call that was ended because its peer did nothing.
pub(crate) fn ended() -> Fault {
    let message =
        "nothing moved on this call, and it was ended to make room for others: send it again";
    Fault {
        retry_after: Some(RETRY),
        ..Fault::new(Code::ResourceExhausted, Reason::Busy, "", message)
    }
}
