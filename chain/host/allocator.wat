  ;; The heap that a Substrate runtime asks its host for: blocks of 8 bytes to 32 MiB, each a power of two, with a list
  ;; of free blocks for each size. It has the memory that the runtime imports, so that allocating never leaves
  ;; WebAssembly; the host writes how many pages it has into $PAGES.
  ;;
  ;; At $base (the runtime's __heap_base, aligned) lies what the heap knows of itself: 23 list heads, then the address of
  ;; the memory never used so far. A block is preceded by 8 bytes: its order and, in the fifth byte, a mark, in use; the
  ;; next free block of its size, otherwise. The last three bytes are left to sp-io, which notes alignments there.
  ;; The runtime can overwrite all this; it then harms nobody but itself.
  (import "env" "heap_failure" (func $fail (param i32)))
  (memory (export "memory") $PAGES)
  (global $base (mut i32) (i32.const 0))
  (global $mark i32 (i32.const 0x6d))

  (func (export "heap_start") (param $heap_base i32)
    (global.set $base (i32.and (i32.add (local.get $heap_base) (i32.const 7)) (i32.const -8)))
    (call $reach (i32.add (global.get $base) (i32.const 96)))
    (i32.store offset=92 (global.get $base) (i32.add (global.get $base) (i32.const 96))))

  ;; Grow the memory until $end is inside, by a MiB at a time where the limit allows it.
  (func $reach (param $end i32)
    (local $missing i32)
    (local.set $missing (i32.sub
      (i32.add (i32.shr_u (i32.sub (local.get $end) (i32.const 1)) (i32.const 16)) (i32.const 1))
      (memory.size)))
    (if (i32.le_s (local.get $missing) (i32.const 0)) (then (return)))
    (if (i32.lt_u (local.get $missing) (i32.const 16))
      (then (if (i32.ne (memory.grow (i32.const 16)) (i32.const -1)) (then (return)))))
    (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1)) (then (call $fail (i32.const 0)))))

  (func $malloc (export "ext_allocator_malloc_version_1") (param $size i32) (result i32)
    (local $order i32) (local $head i32) (local $block i32)
    (if (i32.gt_u (local.get $size) (i32.const 0x2000000)) (then (call $fail (i32.const 1))))
    (if (i32.gt_u (local.get $size) (i32.const 8))
      (then (local.set $order
        (i32.sub (i32.const 29) (i32.clz (i32.sub (local.get $size) (i32.const 1)))))))
    (local.set $head (i32.add (global.get $base) (i32.shl (local.get $order) (i32.const 2))))
    (local.set $block (i32.load (local.get $head)))
    (if (local.get $block)
      (then (i32.store (local.get $head) (i32.load (local.get $block))))
      (else
        (local.set $block (i32.load offset=92 (global.get $base)))
        (local.set $head (i32.add (local.get $block) (i32.add (i32.const 8) (i32.shl (i32.const 8) (local.get $order)))))
        (call $reach (local.get $head))
        (i32.store offset=92 (global.get $base) (local.get $head))))
    (i32.store (local.get $block) (local.get $order))
    (i32.store offset=4 (local.get $block) (global.get $mark))
    (i32.add (local.get $block) (i32.const 8)))

  (func $free (export "ext_allocator_free_version_1") (param $pointer i32)
    (local $order i32) (local $head i32)
    (local.set $pointer (i32.sub (local.get $pointer) (i32.const 8)))
    (if (i32.ne (i32.load8_u offset=4 (local.get $pointer)) (global.get $mark)) (then (call $fail (i32.const 2))))
    (local.set $order (i32.load (local.get $pointer)))
    (if (i32.gt_u (local.get $order) (i32.const 22)) (then (call $fail (i32.const 2))))
    (local.set $head (i32.add (global.get $base) (i32.shl (local.get $order) (i32.const 2))))
    (i32.store offset=4 (local.get $pointer) (i32.const 0))
    (i32.store (local.get $pointer) (i32.load (local.get $head)))
    (i32.store (local.get $head) (local.get $pointer)))
