//! What a `no_std` component needs instead of std: an allocator, a panic handler, and the
//! function through which the host allocates. Only in the component itself, so that the library
//! stays usable in other wasm programs.
#![allow(unsafe_code, reason = "allocation is a raw interface")]

use alloc::alloc::{Layout, alloc, handle_alloc_error, realloc};

use talc::wasm::{WasmDynamicTalc, new_wasm_dynamic_allocator};

#[global_allocator]
static ALLOCATOR: WasmDynamicTalc = new_wasm_dynamic_allocator();

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

// The compiler calls `memcmp`, which a target with an operating system takes from its libc. Only
// that one function is linked: nothing else is referenced.
#[link(name = "c")]
unsafe extern "C" {}

/// The canonical ABI's `cabi_realloc`: `wit-bindgen` brings one with std only.
///
/// # Safety
/// Called by the host with a block that this function gave out, or none, as the ABI lays down.
#[unsafe(no_mangle)]
unsafe extern "C" fn cabi_realloc(
    old: *mut u8,
    old_size: usize,
    align: usize,
    new_size: usize,
) -> *mut u8 {
    if new_size == 0 {
        return core::ptr::without_provenance_mut(align);
    }
    // SAFETY: the ABI gives a power of two as alignment, and sizes within the address space; an
    // old block comes from here with this alignment and size.
    unsafe {
        let block = if old_size == 0 {
            alloc(Layout::from_size_align_unchecked(new_size, align))
        } else {
            realloc(old, Layout::from_size_align_unchecked(old_size, align), new_size)
        };
        if block.is_null() {
            handle_alloc_error(Layout::from_size_align_unchecked(new_size, align));
        }
        block
    }
}
