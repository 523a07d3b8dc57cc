//! What tests do between two statements: copy the files as a kill would leave them, or panic.

use std::cell::RefCell;

type Hook = Box<dyn FnMut()>;

thread_local! {
    static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
}

/// Calls `hook` before every statement and commit of this thread, until it is replaced or panics.
pub(crate) fn before_each_statement(hook: Option<Hook>) {
    HOOK.with(|place| *place.borrow_mut() = hook);
}

/// A statement is about to be made.
pub(super) fn statement() {
    // Out of its place while it runs: it may use the database itself.
    let taken = HOOK.with(|place| place.borrow_mut().take());
    if let Some(mut hook) = taken {
        hook();
        before_each_statement(Some(hook));
    }
}
