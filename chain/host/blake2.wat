  ;; BLAKE2b (RFC 7693), with which most maps of a runtime hash their keys, and blocks and extrinsics are named.
  ;; $work is 128 bytes to work in; $order is a row of the message schedule, its first word in the lowest digit.
  (func $mix (param $a i32) (param $b i32) (param $c i32) (param $d i32) (param $x i64) (param $y i64)
    (local $va i64) (local $vb i64) (local $vc i64) (local $vd i64)
    (local.set $vb (i64.load (local.get $b)))
    (local.set $va (i64.add (i64.add (i64.load (local.get $a)) (local.get $vb)) (local.get $x)))
    (local.set $vd (i64.rotr (i64.xor (i64.load (local.get $d)) (local.get $va)) (i64.const 32)))
    (local.set $vc (i64.add (i64.load (local.get $c)) (local.get $vd)))
    (local.set $vb (i64.rotr (i64.xor (local.get $vb) (local.get $vc)) (i64.const 24)))
    (local.set $va (i64.add (i64.add (local.get $va) (local.get $vb)) (local.get $y)))
    (local.set $vd (i64.rotr (i64.xor (local.get $vd) (local.get $va)) (i64.const 16)))
    (local.set $vc (i64.add (local.get $vc) (local.get $vd)))
    (i64.store (local.get $a) (local.get $va))
    (i64.store (local.get $b) (i64.rotr (i64.xor (local.get $vb) (local.get $vc)) (i64.const 63)))
    (i64.store (local.get $c) (local.get $vc))
    (i64.store (local.get $d) (local.get $vd)))

  ;; The address of the word that the digit of $row at $bit names.
  (func $word (param $words i32) (param $row i64) (param $bit i64) (result i32)
    (i32.add (local.get $words) (i32.shl
      (i32.and (i32.wrap_i64 (i64.shr_u (local.get $row) (local.get $bit))) (i32.const 15)) (i32.const 3))))

  ;; $mix on the four words that the digits of $places name, with the two words of the block that are next in $order.
  (func $step (param $work i32) (param $block i32) (param $order i64) (param $bit i64) (param $places i64)
    (call $mix
      (call $word (local.get $work) (local.get $places) (i64.const 12))
      (call $word (local.get $work) (local.get $places) (i64.const 8))
      (call $word (local.get $work) (local.get $places) (i64.const 4))
      (call $word (local.get $work) (local.get $places) (i64.const 0))
      (i64.load (call $word (local.get $block) (local.get $order) (local.get $bit)))
      (i64.load (call $word (local.get $block) (local.get $order) (i64.add (local.get $bit) (i64.const 4))))))

  (func $turn (param $work i32) (param $block i32) (param $order i64)
    (call $step (local.get $work) (local.get $block) (local.get $order) (i64.const 0) (i64.const 0x048c))
    (call $step (local.get $work) (local.get $block) (local.get $order) (i64.const 8) (i64.const 0x159d))
    (call $step (local.get $work) (local.get $block) (local.get $order) (i64.const 16) (i64.const 0x26ae))
    (call $step (local.get $work) (local.get $block) (local.get $order) (i64.const 24) (i64.const 0x37bf))
    (call $step (local.get $work) (local.get $block) (local.get $order) (i64.const 32) (i64.const 0x05af))
    (call $step (local.get $work) (local.get $block) (local.get $order) (i64.const 40) (i64.const 0x16bc))
    (call $step (local.get $work) (local.get $block) (local.get $order) (i64.const 48) (i64.const 0x278d))
    (call $step (local.get $work) (local.get $block) (local.get $order) (i64.const 56) (i64.const 0x349e)))

  (func $initial (param $to i32)
    (i64.store offset=0 (local.get $to) (i64.const 0x6a09e667f3bcc908))
    (i64.store offset=8 (local.get $to) (i64.const 0xbb67ae8584caa73b))
    (i64.store offset=16 (local.get $to) (i64.const 0x3c6ef372fe94f82b))
    (i64.store offset=24 (local.get $to) (i64.const 0xa54ff53a5f1d36f1))
    (i64.store offset=32 (local.get $to) (i64.const 0x510e527fade682d1))
    (i64.store offset=40 (local.get $to) (i64.const 0x9b05688c2b3e6c1f))
    (i64.store offset=48 (local.get $to) (i64.const 0x1f83d9abfb41bd6b))
    (i64.store offset=56 (local.get $to) (i64.const 0x5be0cd19137e2179)))

  ;; Take a block of 128 bytes into $hash; $count is the number of bytes so far.
  (func $compress (param $work i32) (param $hash i32) (param $block i32) (param $count i64) (param $is_last i32)
    (local $at i32)
    (loop $next
      (i64.store (i32.add (local.get $work) (local.get $at))
        (i64.load (i32.add (local.get $hash) (local.get $at))))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (i32.const 64))))
    (call $initial (i32.add (local.get $work) (i32.const 64)))
    (i64.store offset=96 (local.get $work)
      (i64.xor (i64.load offset=96 (local.get $work)) (local.get $count)))
    (if (local.get $is_last)
      (then (i64.store offset=112 (local.get $work)
        (i64.xor (i64.load offset=112 (local.get $work)) (i64.const -1)))))
    (call $turn (local.get $work) (local.get $block) (i64.const 0xfedcba9876543210))
    (call $turn (local.get $work) (local.get $block) (i64.const 0x357b20c16df984ae))
    (call $turn (local.get $work) (local.get $block) (i64.const 0x491763eadf250c8b))
    (call $turn (local.get $work) (local.get $block) (i64.const 0x8f04a562ebcd1397))
    (call $turn (local.get $work) (local.get $block) (i64.const 0xd386cb1efa427509))
    (call $turn (local.get $work) (local.get $block) (i64.const 0x91ef57d438b0a6c2))
    (call $turn (local.get $work) (local.get $block) (i64.const 0xb8293670a4def15c))
    (call $turn (local.get $work) (local.get $block) (i64.const 0xa2684f05931ce7bd))
    (call $turn (local.get $work) (local.get $block) (i64.const 0x5a417d2c803b9ef6))
    (call $turn (local.get $work) (local.get $block) (i64.const 0x0dc3e9bf5167482a))
    (call $turn (local.get $work) (local.get $block) (i64.const 0xfedcba9876543210))
    (call $turn (local.get $work) (local.get $block) (i64.const 0x357b20c16df984ae))
    (local.set $at (i32.const 0))
    (loop $next
      (i64.store (i32.add (local.get $hash) (local.get $at))
        (i64.xor (i64.load (i32.add (local.get $hash) (local.get $at)))
          (i64.xor (i64.load (i32.add (local.get $work) (local.get $at)))
            (i64.load offset=64 (i32.add (local.get $work) (local.get $at))))))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (i32.const 64)))))

  ;; Copy $length bytes and fill up with zeros to 128.
  (func $pad (param $to i32) (param $from i32) (param $length i32)
    (local $at i32)
    (loop $next
      (i64.store (i32.add (local.get $to) (local.get $at)) (i64.const 0))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (i32.const 128))))
    (local.set $at (i32.const 0))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $length)))
        (i32.store8 (i32.add (local.get $to) (local.get $at))
          (i32.load8_u (i32.add (local.get $from) (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next))))

  ;; A hash of $size bytes (a multiple of 8) in a new block. $bytes: pointer and length << 32.
  (func $blake2b (param $bytes i64) (param $size i32) (result i32)
    (local $at i32) (local $length i32) (local $count i64) (local $work i32) (local $hash i32) (local $result i32)
    (local.set $at (i32.wrap_i64 (local.get $bytes)))
    (local.set $length (i32.wrap_i64 (i64.shr_u (local.get $bytes) (i64.const 32))))
    (local.set $work (call $malloc (i32.const 320)))
    (local.set $hash (i32.add (local.get $work) (i32.const 256)))
    (call $initial (local.get $hash))
    (i64.store (local.get $hash) (i64.xor (i64.load (local.get $hash))
      (i64.extend_i32_u (i32.xor (i32.const 0x01010000) (local.get $size)))))
    (block $last
      (loop $next
        (br_if $last (i32.le_u (local.get $length) (i32.const 128)))
        (local.set $count (i64.add (local.get $count) (i64.const 128)))
        (call $compress
          (local.get $work) (local.get $hash) (local.get $at) (local.get $count) (i32.const 0))
        (local.set $at (i32.add (local.get $at) (i32.const 128)))
        (local.set $length (i32.sub (local.get $length) (i32.const 128)))
        (br $next)))
    (call $pad (i32.add (local.get $work) (i32.const 128)) (local.get $at) (local.get $length))
    (call $compress
      (local.get $work)
      (local.get $hash)
      (i32.add (local.get $work) (i32.const 128))
      (i64.add (local.get $count) (i64.extend_i32_u (local.get $length)))
      (i32.const 1))
    (local.set $result (call $malloc (local.get $size)))
    (local.set $at (i32.const 0))
    (loop $next
      (i64.store (i32.add (local.get $result) (local.get $at))
        (i64.load (i32.add (local.get $hash) (local.get $at))))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (local.get $size))))
    (call $free (local.get $work))
    (local.get $result))

  (func (export "ext_hashing_blake2_128_version_1") (param i64) (result i32)
    (call $blake2b (local.get 0) (i32.const 16)))
  (func (export "ext_hashing_blake2_256_version_1") (param i64) (result i32)
    (call $blake2b (local.get 0) (i32.const 32)))
