  ;; XXH64, of which Substrate makes the prefixes of its storage keys: half of all calls to the host, were it there.
  ;; (xxHash specification, XXH64 algorithm description.)
  (global $P1 i64 (i64.const 0x9E3779B185EBCA87))
  (global $P2 i64 (i64.const 0xC2B2AE3D27D4EB4F))
  (global $P3 i64 (i64.const 0x165667B19E3779F9))
  (global $P4 i64 (i64.const 0x85EBCA77C2B2AE63))
  (global $P5 i64 (i64.const 0x27D4EB2F165667C5))

  (func $round (param $sum i64) (param $lane i64) (result i64)
    (i64.mul (global.get $P1)
      (i64.rotl (i64.add (local.get $sum) (i64.mul (local.get $lane) (global.get $P2))) (i64.const 31))))

  (func $merge (param $hash i64) (param $lane i64) (result i64)
    (i64.add (global.get $P4)
      (i64.mul (i64.xor (local.get $hash) (call $round (i64.const 0) (local.get $lane))) (global.get $P1))))

  ;; The sum of the stripes of 32 bytes. Their number is not zero.
  (func $stripes (param $at i32) (param $count i32) (param $seed i64) (result i64)
    (local $a i64) (local $b i64) (local $c i64) (local $d i64)
    (local.set $b (i64.add (local.get $seed) (global.get $P2)))
    (local.set $a (i64.add (local.get $b) (global.get $P1)))
    (local.set $c (local.get $seed))
    (local.set $d (i64.sub (local.get $seed) (global.get $P1)))
    (loop $next
      (local.set $a (call $round (local.get $a) (i64.load (local.get $at))))
      (local.set $b (call $round (local.get $b) (i64.load offset=8 (local.get $at))))
      (local.set $c (call $round (local.get $c) (i64.load offset=16 (local.get $at))))
      (local.set $d (call $round (local.get $d) (i64.load offset=24 (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 32)))
      (br_if $next (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))
    (i64.add
      (i64.add (i64.rotl (local.get $a) (i64.const 1)) (i64.rotl (local.get $b) (i64.const 7)))
      (i64.add (i64.rotl (local.get $c) (i64.const 12)) (i64.rotl (local.get $d) (i64.const 18))))
    (call $merge (local.get $a))
    (call $merge (local.get $b))
    (call $merge (local.get $c))
    (call $merge (local.get $d)))

  (func $xxh64 (param $at i32) (param $length i32) (param $seed i64) (result i64)
    (local $hash i64)
    (if (i32.lt_u (local.get $length) (i32.const 32))
      (then (local.set $hash (i64.add (local.get $seed) (global.get $P5))))
      (else
        (local.set $hash
          (call $stripes (local.get $at) (i32.shr_u (local.get $length) (i32.const 5)) (local.get $seed)))
        (local.set $at (i32.add (local.get $at) (i32.and (local.get $length) (i32.const -32))))))
    (local.set $hash (i64.add (local.get $hash) (i64.extend_i32_u (local.get $length))))
    (local.set $length (i32.and (local.get $length) (i32.const 31)))
    (block $no_eights
      (loop $eights
        (br_if $no_eights (i32.lt_u (local.get $length) (i32.const 8)))
        (local.set $hash (i64.add (global.get $P4) (i64.mul (global.get $P1) (i64.rotl
          (i64.xor (local.get $hash) (call $round (i64.const 0) (i64.load (local.get $at)))) (i64.const 27)))))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (local.set $length (i32.sub (local.get $length) (i32.const 8)))
        (br $eights)))
    (if (i32.ge_u (local.get $length) (i32.const 4))
      (then
        (local.set $hash (i64.add (global.get $P3) (i64.mul (global.get $P2) (i64.rotl
          (i64.xor (local.get $hash) (i64.mul (i64.load32_u (local.get $at)) (global.get $P1))) (i64.const 23)))))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (local.set $length (i32.sub (local.get $length) (i32.const 4)))))
    (block $no_ones
      (loop $ones
        (br_if $no_ones (i32.eqz (local.get $length)))
        (local.set $hash (i64.mul (global.get $P1) (i64.rotl
          (i64.xor (local.get $hash) (i64.mul (i64.load8_u (local.get $at)) (global.get $P5))) (i64.const 11))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $length (i32.sub (local.get $length) (i32.const 1)))
        (br $ones)))
    (local.set $hash (i64.mul (global.get $P2)
      (i64.xor (local.get $hash) (i64.shr_u (local.get $hash) (i64.const 33)))))
    (local.set $hash (i64.mul (global.get $P3)
      (i64.xor (local.get $hash) (i64.shr_u (local.get $hash) (i64.const 29)))))
    (i64.xor (local.get $hash) (i64.shr_u (local.get $hash) (i64.const 32))))

  ;; One hash for each seed from 0 on, one after the other, in a new block. $bytes: pointer and length << 32.
  (func $twox (param $bytes i64) (param $hashes i64) (result i32)
    (local $block i32) (local $seed i64)
    (local.set $block (call $malloc (i32.shl (i32.wrap_i64 (local.get $hashes)) (i32.const 3))))
    (loop $next
      (i64.store (i32.add (local.get $block) (i32.shl (i32.wrap_i64 (local.get $seed)) (i32.const 3)))
        (call $xxh64
          (i32.wrap_i64 (local.get $bytes))
          (i32.wrap_i64 (i64.shr_u (local.get $bytes) (i64.const 32)))
          (local.get $seed)))
      (br_if $next
        (i64.lt_u (local.tee $seed (i64.add (local.get $seed) (i64.const 1))) (local.get $hashes))))
    (local.get $block))

  (func (export "ext_hashing_twox_64_version_1") (param i64) (result i32)
    (call $twox (local.get 0) (i64.const 1)))
  (func (export "ext_hashing_twox_128_version_1") (param i64) (result i32)
    (call $twox (local.get 0) (i64.const 2)))
  (func (export "ext_hashing_twox_256_version_1") (param i64) (result i32)
    (call $twox (local.get 0) (i64.const 4)))
