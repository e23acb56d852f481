//! Memory for large tables in huge pages (transparent ones; Documentation/admin-guide/mm/transhuge.rst of the kernel).
//!
//! A table with a record for each of a million connections is read at random: with pages of 4 KiB the processor has to look up where
//! each record's page lies, in tables that no cache holds.

#![allow(unsafe_code)]

use std::num::NonZeroUsize;
use std::ptr::NonNull;

use allocator_api2::alloc::{AllocError, Allocator, Global, Layout};
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous, munmap};

/// A huge page of x86-64, and of arm64 with pages of 4 KiB. Where they are larger or there are none, nothing is gained or lost.
const PAGE: usize = 2 << 20;

/// From here on a table has huge pages: at most half as much again is resident as is used.
const LARGE: usize = 2 * PAGE;

/// From here on a table has a mapping of its own, which leaves no hole in the heap once the table has grown out of it.
const MAPPED: usize = 256 << 10;

/// No alignment beyond this is asked for.
const SMALL_PAGE: usize = 4096;

/// A growing table, in huge pages once it is large.
pub type Table<T> = allocator_api2::vec::Vec<T, HugePages>;

/// Begins to bring a record into the cache, which will be wanted soon; nothing waits for it.
#[inline]
pub fn fetch<T>(record: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let first = std::ptr::from_ref(record).cast::<i8>();
        let last = first.wrapping_add(size_of::<T>().saturating_sub(1));
        // SAFETY: every processor of this kind has it, and it changes nothing but what is in the cache.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(first);
            _mm_prefetch::<_MM_HINT_T0>(last);
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = record;
}

/// Allocates what is large in huge pages where the kernel has them, and all else as usual.
#[derive(Clone, Copy, Debug, Default)]
pub struct HugePages;

// SAFETY: blocks are either the global allocator's, or mappings of at least the size asked for, aligned to a page, that nothing else
// refers to and that stay until they are given back. Which of both only depends on the layout, so that copies may free each other's.
unsafe impl Allocator for HugePages {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let size = layout.size();
        let block = match mapped(layout) {
            None => return Global.allocate(layout),
            Some(length) if size < LARGE => map(length),
            Some(length) => map_huge(length),
        };
        Ok(NonNull::slice_from_raw_parts(block.ok_or(AllocError)?, size))
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        match mapped(layout) {
            Some(length) => unmap(block, length),
            // SAFETY: the caller had it from `allocate` for this layout, which had it from there.
            None => unsafe { Global.deallocate(block, layout) },
        }
    }
}

/// The length of a block's mapping, if it has one. Pages that are never touched take no memory.
fn mapped(layout: Layout) -> Option<usize> {
    let page = if layout.size() < LARGE { SMALL_PAGE } else { PAGE };
    let has_one = layout.size() >= MAPPED && layout.align() <= SMALL_PAGE;
    has_one.then(|| layout.size().next_multiple_of(page))
}

/// So many bytes of zeros.
fn map(length: usize) -> Option<NonNull<u8>> {
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE;
    // SAFETY: a new mapping where the kernel likes touches no other memory.
    let block = unsafe { mmap_anonymous(None, NonZeroUsize::new(length)?, access, flags) };
    Some(block.ok()?.cast())
}

/// The same from a huge page's boundary on, in huge pages where there are any.
fn map_huge(length: usize) -> Option<NonNull<u8>> {
    let whole = map(length.checked_add(PAGE)?)?;
    let before = whole.addr().get().next_multiple_of(PAGE) - whole.addr().get();
    // SAFETY: both lie within the mapping, which is `PAGE` longer than `length`, or at its end.
    let (block, behind) = unsafe { (whole.add(before), whole.add(before + length)) };
    unmap(whole, before);
    unmap(behind, PAGE - before);
    // SAFETY: it is mapped, and its contents stay as they are. Kernels without huge pages refuse, which changes nothing.
    let _ = unsafe { madvise(block.cast(), length, MmapAdvise::MADV_HUGEPAGE) };
    Some(block)
}

/// Gives a mapping back, or a part of one.
fn unmap(block: NonNull<u8>, length: usize) {
    if length > 0 {
        // SAFETY: callers pass what `map` mapped and nobody refers to any more. It only fails for what is no mapping, or where the
        // kernel has no room to note that it is cut: then it stays, unused.
        let _ = unsafe { munmap(block.cast(), length) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_grows_from_one_kind_of_memory_into_the_other() {
        let mut table = Table::new_in(HugePages);
        let many = 3 * LARGE as u64 / 8;
        for number in 0..many {
            table.push(number);
        }
        assert!((0..many).eq(table.iter().copied()));
        assert_eq!(table.as_ptr().addr() % PAGE, 0, "large ones begin at a huge page");
        table.truncate(10);
        table.shrink_to_fit();
        assert!((0..10).eq(table.iter().copied()));
    }

    #[test]
    fn what_is_mapped_is_aligned_and_zeroed_and_can_be_given_back() {
        for (size, page) in [
            (MAPPED + 1, SMALL_PAGE),
            (LARGE, PAGE),
            (LARGE + 1, PAGE),
            (5 * PAGE - 8, PAGE),
        ] {
            let layout = Layout::from_size_align(size, 8).unwrap();
            let block = HugePages.allocate(layout).unwrap();
            assert_eq!((block.len(), block.addr().get() % page), (size, 0));
            // SAFETY: it is as long as was asked for, mapped with zeros, and freed but here.
            unsafe {
                let bytes = std::slice::from_raw_parts_mut(block.as_ptr().cast::<u8>(), size);
                assert!(bytes.iter().all(|byte| *byte == 0));
                bytes.fill(1);
                HugePages.deallocate(block.cast(), layout);
            }
        }
    }

    #[test]
    fn more_than_there_is_is_refused() {
        let layout = Layout::from_size_align(isize::MAX as usize / 2, 8).unwrap();
        assert!(HugePages.allocate(layout).is_err());
    }
}
