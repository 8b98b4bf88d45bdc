(module
  (type (;0;) (func (param i32 i32 i32 i32 i32 i32)))
  (import "env" "memory" (memory (;0;) 0 65536))
  (func $matmul_5x3x10 (type 0) (param i32 i32 i32 i32 i32 i32)
    (local i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 v128 v128 v128 v128 v128 v128 v128 v128 v128 i32 i32 i32 v128 v128 v128 v128)
    local.get 4
    local.set 10
    local.get 10
    local.get 5
    i32.lt_u
    if  ;; label = @1
      loop  ;; label = @2
        local.get 10
        local.set 11
        local.get 0
        local.set 6
        local.get 1
        local.set 7
        local.get 2
        local.set 9
        local.get 3
        local.set 8
        local.get 7
        local.set 12
        local.get 8
        local.set 13
        local.get 9
        local.set 14
        i32.const 0
        local.set 15
        local.get 6
        local.get 15
        i32.const 12
        i32.mul
        i32.add
        local.set 16
        local.get 13
        local.get 15
        i32.const 40
        i32.mul
        i32.add
        local.set 17
        local.get 14
        local.set 18
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        local.set 19
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        local.set 20
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        local.set 21
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        local.set 22
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        local.set 23
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        local.set 24
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        local.set 25
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        local.set 26
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        local.set 27
        local.get 16
        local.set 28
        local.get 12
        local.set 29
        local.get 28
        i32.const 12
        i32.add
        local.set 30
        loop  ;; label = @3
          local.get 29
          v128.load
          local.set 31
          local.get 29
          v128.load offset=48
          local.set 32
          local.get 29
          v128.load offset=96
          local.set 33
          local.get 28
          v128.load32_splat
          local.set 34
          local.get 34
          local.get 31
          local.get 19
          f32x4.relaxed_madd
          local.set 19
          local.get 34
          local.get 32
          local.get 20
          f32x4.relaxed_madd
          local.set 20
          local.get 34
          local.get 33
          local.get 21
          f32x4.relaxed_madd
          local.set 21
          local.get 28
          v128.load32_splat offset=12
          local.set 34
          local.get 34
          local.get 31
          local.get 22
          f32x4.relaxed_madd
          local.set 22
          local.get 34
          local.get 32
          local.get 23
          f32x4.relaxed_madd
          local.set 23
          local.get 34
          local.get 33
          local.get 24
          f32x4.relaxed_madd
          local.set 24
          local.get 28
          v128.load32_splat offset=24
          local.set 34
          local.get 34
          local.get 31
          local.get 25
          f32x4.relaxed_madd
          local.set 25
          local.get 34
          local.get 32
          local.get 26
          f32x4.relaxed_madd
          local.set 26
          local.get 34
          local.get 33
          local.get 27
          f32x4.relaxed_madd
          local.set 27
          local.get 29
          i32.const 16
          i32.add
          local.set 29
          local.get 28
          i32.const 4
          i32.add
          local.set 28
          local.get 28
          local.get 30
          i32.ne
          br_if 0 (;@3;)
        end
        local.get 19
        local.get 18
        v128.load
        f32x4.add
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        f32x4.pmax
        local.set 33
        local.get 17
        local.get 33
        v128.store
        local.get 20
        local.get 18
        v128.load offset=16
        f32x4.add
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        f32x4.pmax
        local.set 33
        local.get 17
        local.get 33
        v128.store offset=16
        local.get 21
        local.get 18
        v128.load64_zero offset=32
        f32x4.add
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        f32x4.pmax
        local.set 33
        local.get 17
        local.get 33
        v128.store64_lane offset=32 0
        local.get 22
        local.get 18
        v128.load
        f32x4.add
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        f32x4.pmax
        local.set 33
        local.get 17
        local.get 33
        v128.store offset=40
        local.get 23
        local.get 18
        v128.load offset=16
        f32x4.add
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        f32x4.pmax
        local.set 33
        local.get 17
        local.get 33
        v128.store offset=56
        local.get 24
        local.get 18
        v128.load64_zero offset=32
        f32x4.add
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        f32x4.pmax
        local.set 33
        local.get 17
        local.get 33
        v128.store64_lane offset=72 0
        local.get 25
        local.get 18
        v128.load
        f32x4.add
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        f32x4.pmax
        local.set 33
        local.get 17
        local.get 33
        v128.store offset=80
        local.get 26
        local.get 18
        v128.load offset=16
        f32x4.add
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        f32x4.pmax
        local.set 33
        local.get 17
        local.get 33
        v128.store offset=96
        local.get 27
        local.get 18
        v128.load64_zero offset=32
        f32x4.add
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        f32x4.pmax
        local.set 33
        local.get 17
        local.get 33
        v128.store64_lane offset=112 0
        local.get 15
        i32.const 3
        i32.add
        local.set 15
        local.get 6
        i32.const 36
        i32.add
        local.set 16
        local.get 13
        i32.const 120
        i32.add
        local.set 17
        local.get 14
        local.set 18
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        local.set 27
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        local.set 26
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        local.set 25
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        local.set 24
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        local.set 23
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        local.set 22
        local.get 16
        local.set 29
        local.get 12
        local.set 28
        local.get 29
        i32.const 12
        i32.add
        local.set 30
        loop  ;; label = @3
          local.get 28
          v128.load
          local.set 21
          local.get 28
          v128.load offset=48
          local.set 20
          local.get 28
          v128.load offset=96
          local.set 19
          local.get 29
          v128.load32_splat
          local.set 33
          local.get 33
          local.get 21
          local.get 27
          f32x4.relaxed_madd
          local.set 27
          local.get 33
          local.get 20
          local.get 26
          f32x4.relaxed_madd
          local.set 26
          local.get 33
          local.get 19
          local.get 25
          f32x4.relaxed_madd
          local.set 25
          local.get 29
          v128.load32_splat offset=12
          local.set 33
          local.get 33
          local.get 21
          local.get 24
          f32x4.relaxed_madd
          local.set 24
          local.get 33
          local.get 20
          local.get 23
          f32x4.relaxed_madd
          local.set 23
          local.get 33
          local.get 19
          local.get 22
          f32x4.relaxed_madd
          local.set 22
          local.get 28
          i32.const 16
          i32.add
          local.set 28
          local.get 29
          i32.const 4
          i32.add
          local.set 29
          local.get 29
          local.get 30
          i32.ne
          br_if 0 (;@3;)
        end
        local.get 27
        local.get 18
        v128.load
        f32x4.add
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        f32x4.pmax
        local.set 19
        local.get 17
        local.get 19
        v128.store
        local.get 26
        local.get 18
        v128.load offset=16
        f32x4.add
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        f32x4.pmax
        local.set 19
        local.get 17
        local.get 19
        v128.store offset=16
        local.get 25
        local.get 18
        v128.load64_zero offset=32
        f32x4.add
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        f32x4.pmax
        local.set 19
        local.get 17
        local.get 19
        v128.store64_lane offset=32 0
        local.get 24
        local.get 18
        v128.load
        f32x4.add
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        f32x4.pmax
        local.set 19
        local.get 17
        local.get 19
        v128.store offset=40
        local.get 23
        local.get 18
        v128.load offset=16
        f32x4.add
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        f32x4.pmax
        local.set 19
        local.get 17
        local.get 19
        v128.store offset=56
        local.get 22
        local.get 18
        v128.load64_zero offset=32
        f32x4.add
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        f32x4.pmax
        local.set 19
        local.get 17
        local.get 19
        v128.store64_lane offset=72 0
        local.get 10
        i32.const 1
        i32.add
        local.tee 10
        local.get 5
        i32.lt_u
        br_if 0 (;@2;)
      end
    end)
  (export "stage0" (func 0)))
