//! Makes the allocator of the system give freed memory back.
//!
//! glibc gives the free end of a heap back once it is larger than a threshold, 128 KiB. But whenever a larger
//! allocation is freed, it raises the threshold to twice the size of that, up to 64 MiB, for each of its heaps and
//! for good. A client that does not read is enough, or a long page of a history. Setting the threshold keeps it.
//!
//! This is the only unsafe code of the project, in a crate of its own so that all others can forbid it.

/// Gives back what is free at the end of a heap beyond this.
#[cfg(target_env = "gnu")]
const THRESHOLD_BYTES: libc::c_int = 128 * 1024;

/// Keeps the threshold where it is, from now on. Other systems' allocators are left alone.
#[cfg_attr(
    target_env = "gnu",
    expect(unsafe_code, reason = "there is no safe way to set an allocator up")
)]
pub fn give_back_what_is_free() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the call takes two numbers and is safe in any thread. If it fails, everything stays as it was.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, THRESHOLD_BYTES);
    }
}
