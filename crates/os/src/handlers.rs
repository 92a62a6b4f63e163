//! Signal handlers that must run whatever code the process is in, without the interpreter's help: one
//! for the mold's death, one that writes down where a thread is.
//!
//! They call nothing but async-signal-safe functions, and touch nothing but atomics.
use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

use libc::c_int;

use crate::call::check;
use crate::signals::Signal;

/// The control socket, and the mold's process id.
static CONTROL: AtomicI32 = AtomicI32::new(-1);
static MOLD: AtomicI32 = AtomicI32::new(-1);

/// The pipe for stacks, and faulthandler's own handler, which writes them.
static STACKS: AtomicI32 = AtomicI32::new(-1);
static WRITE_STACK: AtomicUsize = AtomicUsize::new(0);

/// Lives on when the mold, our parent, dies, as long as the other end of the control socket is open:
/// the server adopts this process then, and from then on the kernel kills it when the server dies.
pub fn outlive_mold(control: RawFd, mold: i32) -> io::Result<()> {
    CONTROL.store(control, Ordering::Relaxed);
    MOLD.store(mold, Ordering::Relaxed);
    // SAFETY: an all-zero sigaction is valid: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_flags = libc::SA_RESTART;
    action.sa_sigaction = on_orphaned as extern "C" fn(c_int) as usize;
    set_action(Signal::Orphaned, &action)?;
    crate::process::die_with_parent(Signal::Orphaned.number())?;
    // It may have happened before the kernel knew that we wanted to know.
    on_orphaned(0);
    Ok(())
}

extern "C" fn on_orphaned(_signal: c_int) {
    // SAFETY: no memory is involved.
    if unsafe { libc::getppid() } == MOLD.load(Ordering::Relaxed) {
        return;
    }
    leave_if_alone();
    // SAFETY: no memory is involved. It does not fail for a valid signal, and nobody could be told.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) };
    // The server may have died just before that.
    leave_if_alone();
}

/// Ends the process when the server is gone: there is nobody left to answer.
fn leave_if_alone() {
    let mut poll = libc::pollfd {
        fd: CONTROL.load(Ordering::Relaxed),
        events: 0,
        revents: 0,
    };
    // SAFETY: one pollfd, as said by the count.
    let answer = unsafe { libc::poll(&raw mut poll, 1, 0) };
    if answer == 1 && poll.revents & (libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0 {
        // SAFETY: it ends the process without running anything of it.
        unsafe { libc::_exit(0) };
    }
}

/// Puts a handler in front of that of Python's `faulthandler` for [`Signal::Stack`], which must be there
/// already: it writes a NUL into the pipe behind each stack, so that the end can be told.
pub fn end_stacks(pipe: RawFd) -> io::Result<()> {
    STACKS.store(pipe, Ordering::Relaxed);
    let number = Signal::Stack.number();
    // SAFETY: an all-zero sigaction is valid; the call fills it.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: nothing is set, and the struct is a live local.
    check(unsafe { libc::sigaction(number, std::ptr::null(), &raw mut action) })?;
    let theirs = action.sa_sigaction;
    let is_simple = action.sa_flags & libc::SA_SIGINFO == 0;
    if !is_simple || theirs == libc::SIG_DFL || theirs == libc::SIG_IGN {
        return Err(io::Error::other(
            "Python's faulthandler has not installed a handler that we know",
        ));
    }
    WRITE_STACK.store(theirs, Ordering::Relaxed);
    action.sa_sigaction = on_stack_wanted as extern "C" fn(c_int) as usize;
    set_action(Signal::Stack, &action)
}

extern "C" fn on_stack_wanted(signal: c_int) {
    // SAFETY: errno is a variable of this thread.
    let errno = unsafe { *libc::__errno_location() };
    let theirs = WRITE_STACK.load(Ordering::Relaxed);
    if theirs != 0 {
        // SAFETY: the kernel had it as the handler of this signal, without SA_SIGINFO, so it is a
        // function of this kind; faulthandler is never unloaded.
        let theirs = unsafe { std::mem::transmute::<usize, extern "C" fn(c_int)>(theirs) };
        theirs(signal);
    }
    // SAFETY: one readable byte. If the pipe is full, the server has enough to read.
    unsafe { libc::write(STACKS.load(Ordering::Relaxed), [0u8].as_ptr().cast(), 1) };
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}

fn set_action(signal: Signal, action: &libc::sigaction) -> io::Result<()> {
    // SAFETY: the action lives across the call; its handler calls only what handlers may.
    check(unsafe {
        libc::sigaction(
            signal.number(),
            std::ptr::from_ref(action),
            std::ptr::null_mut(),
        )
    })
    .map(|_| ())
}
