//! Whether there is room for a call, or for one more item of a stream, and which callers must make
//! room.

use std::{sync::Arc, time::Duration};

use merits_proto::{Fault, FieldPath, Reason};
use tokio::sync::{AcquireError, OwnedSemaphorePermit};
use tonic::Code;

use crate::{
    bound::Bound, callers::Caller, connection::Connection, pressure::Pressure, shared::Shared,
    weights::Wanted,
};

/// A call that holds more units than this is large; 16 of them are for its headers. Half of all
/// memory is reserved for other calls, so that streams and pages do not keep single entries out.
const LARGE: u32 = 256 + 16;

/// How long a call waits for room before it is refused.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often a caller that holds as much as is left tries again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// When a caller that found no room should retry.
const RETRY: Duration = Duration::from_millis(500);

/// The memory of a server that a call, or an item of a stream, holds while a copy of this value
/// lives. Work that continues after its call has ended keeps a copy, so its memory is not freed
/// earlier.
#[derive(Clone, Debug, Default)]
pub struct Memory(#[expect(dead_code, reason = "held")] Arc<Vec<OwnedSemaphorePermit>>);

impl Memory {
    pub(crate) fn of_permits(permits: Vec<OwnedSemaphorePermit>) -> Self {
        Self(Arc::new(permits))
    }

    /// What the call of this request holds; `None` if it did not come through our server.
    pub fn of<T>(request: &tonic::Request<T>) -> Self {
        request.extensions().get().cloned().unwrap_or_default()
    }
}

/// Takes the resources of a call.
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

/// Takes memory of the connection, the caller and the server, once each has enough. A caller that
/// waits for what its own connection holds puts no pressure on others. One that waits for what its
/// own address holds puts pressure on that address. One that waits for what all hold puts pressure
/// on those that hold more than their part.
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

/// The callers under pressure when a caller may have no more because little is left: itself, if it
/// holds much.
fn presses<'a>(shared: &'a Shared, caller: &'a Caller) -> &'a Pressure {
    if shared.has_more_than_its_part(caller) {
        &caller.pressed
    } else {
        &shared.pressed
    }
}

fn no_room() -> Fault {
    let message = "there is no room for one more call: the limit of this connection, this address or the \
     server is reached; read the answers of earlier calls first";
    Fault {
        retry_after: Some(RETRY),
        ..Fault::new(
            Code::ResourceExhausted,
            Reason::Busy,
            FieldPath::NONE,
            message,
        )
    }
}

/// The answer to a call that was ended because its peer was inactive.
pub(crate) fn ended() -> Fault {
    let message =
        "nothing moved on this call, and it was ended to make room for others: send it again";
    Fault {
        retry_after: Some(RETRY),
        ..Fault::new(
            Code::ResourceExhausted,
            Reason::Busy,
            FieldPath::NONE,
            message,
        )
    }
}
