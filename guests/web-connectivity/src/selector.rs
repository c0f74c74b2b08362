//! Which of the connections of one step fetches: one of those to an address that the preferred resolver gave, as long as
//! there is one.

use std::cell::RefCell;
use std::pin::pin;

use netsonde_guest::futures::channel::oneshot;
use netsonde_guest::futures::future::{Either, select};

use crate::addresses::Origins;

/// Hands out the one permission to fetch.
pub(crate) struct Selector {
    /// Whose addresses are preferred; everybody's if nobody's are.
    preferred: Option<Origins>,
    state: RefCell<State>,
}

enum State {
    /// Nobody has asked.
    Waiting,
    /// Somebody has asked whose address is not preferred, and waits for better ones. Whoever drops these refuses.
    Collecting(Vec<oneshot::Sender<()>>),
    /// Somebody fetches.
    Closed,
}

impl Selector {
    pub(crate) fn new(preferred: Option<Origins>) -> Self {
        Self {
            preferred,
            state: RefCell::new(State::Waiting),
        }
    }

    /// Whether a connection to an address of these origins may fetch. The first preferred one may; where the first to
    /// ask is not preferred, it may if no preferred one comes until `patience` is over.
    pub(crate) async fn may_fetch(&self, origins: Origins, patience: impl Future<Output = ()>) -> bool {
        let is_preferred = self.preferred.is_none_or(|preferred| origins.overlap(preferred));
        let (sender, receiver) = oneshot::channel();
        let is_first = match &mut *self.state.borrow_mut() {
            State::Closed => return false,
            state @ (State::Waiting | State::Collecting(_)) if is_preferred => {
                *state = State::Closed;
                return true;
            }
            state @ State::Waiting => {
                *state = State::Collecting(vec![sender]);
                true
            }
            State::Collecting(others) => {
                others.push(sender);
                false
            }
        };
        if !is_first {
            // Nobody sends anything: the sender is dropped when somebody else fetches.
            return receiver.await.is_ok();
        }
        match select(receiver, pin!(patience)).await {
            Either::Left(_) => false,
            Either::Right(_) => {
                *self.state.borrow_mut() = State::Closed;
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use netsonde_guest::futures::FutureExt as _;
    use netsonde_guest::futures::future::{join, pending, ready};

    /// What a future is ready to give.
    fn now<T>(future: impl Future<Output = T>) -> T {
        future.now_or_never().unwrap()
    }

    fn selector() -> Selector {
        Selector::new(Some(Origins::SYSTEM))
    }

    #[test]
    fn the_first_preferred_connection_fetches_and_nobody_else() {
        let selector = selector();
        assert!(now(selector.may_fetch(Origins::SYSTEM, pending())));
        for origins in [Origins::SYSTEM, Origins::DOH] {
            assert!(!now(selector.may_fetch(origins, pending())));
        }
    }

    #[test]
    fn another_connection_waits_for_a_preferred_one() {
        let selector = selector();
        let mut first = pin!(selector.may_fetch(Origins::DOH, pending()));
        let mut second = pin!(selector.may_fetch(Origins::UDP, pending()));
        assert_eq!(first.as_mut().now_or_never(), None);
        assert_eq!(second.as_mut().now_or_never(), None);
        assert!(now(selector.may_fetch(Origins::SYSTEM, pending())));
        assert_eq!(now(join(first, second)), (false, false));
    }

    #[test]
    fn without_a_preferred_one_the_first_fetches_when_its_patience_is_over() {
        let selector = selector();
        let (over, patience) = oneshot::channel::<()>();
        let patience = async { patience.await.unwrap_or(()) };
        let mut first = pin!(selector.may_fetch(Origins::DOH, patience));
        let mut second = pin!(selector.may_fetch(Origins::DOH, ready(())));
        assert_eq!(first.as_mut().now_or_never(), None);
        assert_eq!(second.as_mut().now_or_never(), None);
        over.send(()).unwrap();
        assert_eq!(now(join(first, second)), (true, false));
    }

    #[test]
    fn where_nobody_is_preferred_the_first_fetches_at_once() {
        let selector = Selector::new(None);
        assert!(now(selector.may_fetch(Origins::default(), pending())));
    }
}
