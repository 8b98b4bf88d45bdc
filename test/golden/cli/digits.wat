(module
  (type (;0;) (func (param i32 i32 i32 i32)))
  (type (;1;) (func (param i32 i32 i32 i32 i32 i32)))
  (import "env" "memory" (memory (;0;) 0 65536))
  (func $pad_image (type 0) (param i32 i32 i32 i32)
    (local i32 i32 i32 i32 i32 i32 i32)
    local.get 2
    local.set 6
    local.get 6
    local.get 3
    i32.lt_u
    if  ;; label = @1
      loop  ;; label = @2
        local.get 1
        local.get 6
        i32.const 1936
        i32.mul
        i32.add
        local.set 4
        local.get 6
        local.set 7
        local.get 0
        local.set 5
        i32.const 0
        local.set 7
        loop  ;; label = @3
          local.get 4
          v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
          v128.store
          local.get 4
          i32.const 16
          i32.add
          local.set 4
          local.get 7
          i32.const 1
          i32.add
          local.tee 7
          i32.const 5
          i32.lt_u
          br_if 0 (;@3;)
        end
        local.get 4
        i64.const 0
        i64.store
        local.get 4
        i32.const 8
        i32.add
        local.set 4
        local.get 5
        local.set 7
        i32.const 0
        local.set 8
        loop  ;; label = @3
          i32.const 0
          local.set 9
          local.get 4
          i32.const 0
          i32.store
          local.get 4
          i32.const 4
          i32.add
          local.set 4
          local.get 7
          local.set 9
          i32.const 0
          local.set 10
          loop  ;; label = @4
            local.get 4
            local.get 9
            v128.load
            v128.store
            local.get 9
            i32.const 16
            i32.add
            local.set 9
            local.get 4
            i32.const 16
            i32.add
            local.set 4
            local.get 10
            i32.const 1
            i32.add
            local.tee 10
            i32.const 5
            i32.lt_u
            br_if 0 (;@4;)
          end
          i32.const 0
          local.set 9
          local.get 4
          i32.const 0
          i32.store
          local.get 4
          i32.const 4
          i32.add
          local.set 4
          local.get 7
          i32.const 80
          i32.add
          local.set 7
          local.get 8
          i32.const 1
          i32.add
          local.tee 8
          i32.const 20
          i32.lt_u
          br_if 0 (;@3;)
        end
        i32.const 0
        local.set 7
        loop  ;; label = @3
          local.get 4
          v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
          v128.store
          local.get 4
          i32.const 16
          i32.add
          local.set 4
          local.get 7
          i32.const 1
          i32.add
          local.tee 7
          i32.const 5
          i32.lt_u
          br_if 0 (;@3;)
        end
        local.get 4
        i64.const 0
        i64.store
        local.get 4
        i32.const 8
        i32.add
        local.set 4
        local.get 6
        i32.const 1
        i32.add
        local.tee 6
        local.get 3
        i32.lt_u
        br_if 0 (;@2;)
      end
    end)
  (func $conv_3x3x1x8 (type 1) (param i32 i32 i32 i32 i32 i32)
    (local i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 v128 v128 v128 v128 v128 v128 v128 v128 i32 i32 i32 i32 v128 v128 v128)
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
        loop  ;; label = @3
          local.get 6
          local.get 15
          i32.const 88
          i32.mul
          i32.add
          local.set 16
          local.get 13
          local.get 15
          i32.const 640
          i32.mul
          i32.add
          local.set 17
          local.get 14
          local.set 18
          local.get 16
          local.set 19
          local.get 17
          local.set 20
          local.get 18
          local.set 21
          i32.const 0
          local.set 22
          loop  ;; label = @4
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
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            local.set 28
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            local.set 29
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            local.set 30
            local.get 19
            local.set 31
            local.get 12
            local.set 32
            i32.const 0
            local.set 33
            loop  ;; label = @5
              local.get 31
              i32.const 12
              i32.add
              local.set 34
              loop  ;; label = @6
                local.get 32
                v128.load
                local.set 35
                local.get 32
                v128.load offset=16
                local.set 36
                local.get 31
                v128.load32_splat
                local.set 37
                local.get 37
                local.get 35
                f32x4.mul
                local.get 23
                f32x4.add
                local.set 23
                local.get 37
                local.get 36
                f32x4.mul
                local.get 24
                f32x4.add
                local.set 24
                local.get 31
                v128.load32_splat offset=4
                local.set 37
                local.get 37
                local.get 35
                f32x4.mul
                local.get 25
                f32x4.add
                local.set 25
                local.get 37
                local.get 36
                f32x4.mul
                local.get 26
                f32x4.add
                local.set 26
                local.get 31
                v128.load32_splat offset=8
                local.set 37
                local.get 37
                local.get 35
                f32x4.mul
                local.get 27
                f32x4.add
                local.set 27
                local.get 37
                local.get 36
                f32x4.mul
                local.get 28
                f32x4.add
                local.set 28
                local.get 31
                v128.load32_splat offset=12
                local.set 37
                local.get 37
                local.get 35
                f32x4.mul
                local.get 29
                f32x4.add
                local.set 29
                local.get 37
                local.get 36
                f32x4.mul
                local.get 30
                f32x4.add
                local.set 30
                local.get 32
                i32.const 32
                i32.add
                local.set 32
                local.get 31
                i32.const 4
                i32.add
                local.set 31
                local.get 31
                local.get 34
                i32.ne
                br_if 0 (;@6;)
              end
              local.get 31
              i32.const 76
              i32.add
              local.set 31
              local.get 33
              i32.const 1
              i32.add
              local.tee 33
              i32.const 3
              i32.lt_u
              br_if 0 (;@5;)
            end
            local.get 23
            local.get 21
            v128.load
            f32x4.add
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            f32x4.pmax
            local.set 36
            local.get 20
            local.get 36
            v128.store
            local.get 24
            local.get 21
            v128.load offset=16
            f32x4.add
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            f32x4.pmax
            local.set 36
            local.get 20
            local.get 36
            v128.store offset=16
            local.get 25
            local.get 21
            v128.load
            f32x4.add
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            f32x4.pmax
            local.set 36
            local.get 20
            local.get 36
            v128.store offset=32
            local.get 26
            local.get 21
            v128.load offset=16
            f32x4.add
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            f32x4.pmax
            local.set 36
            local.get 20
            local.get 36
            v128.store offset=48
            local.get 27
            local.get 21
            v128.load
            f32x4.add
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            f32x4.pmax
            local.set 36
            local.get 20
            local.get 36
            v128.store offset=64
            local.get 28
            local.get 21
            v128.load offset=16
            f32x4.add
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            f32x4.pmax
            local.set 36
            local.get 20
            local.get 36
            v128.store offset=80
            local.get 29
            local.get 21
            v128.load
            f32x4.add
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            f32x4.pmax
            local.set 36
            local.get 20
            local.get 36
            v128.store offset=96
            local.get 30
            local.get 21
            v128.load offset=16
            f32x4.add
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            f32x4.pmax
            local.set 36
            local.get 20
            local.get 36
            v128.store offset=112
            local.get 19
            i32.const 16
            i32.add
            local.set 19
            local.get 20
            i32.const 128
            i32.add
            local.set 20
            local.get 22
            i32.const 1
            i32.add
            local.tee 22
            i32.const 5
            i32.lt_u
            br_if 0 (;@4;)
          end
          local.get 15
          i32.const 1
          i32.add
          local.tee 15
          i32.const 20
          i32.lt_u
          br_if 0 (;@3;)
        end
        local.get 10
        i32.const 1
        i32.add
        local.tee 10
        local.get 5
        i32.lt_u
        br_if 0 (;@2;)
      end
    end)
  (func $pool_max (type 0) (param i32 i32 i32 i32)
    (local i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 v128 v128 v128 v128 v128 v128 i32 i32 v128 v128 v128 v128 v128 v128)
    local.get 2
    local.set 4
    local.get 4
    local.get 3
    i32.lt_u
    if  ;; label = @1
      loop  ;; label = @2
        local.get 4
        local.set 5
        local.get 5
        local.set 6
        local.get 0
        local.get 6
        i32.const 1280
        i32.mul
        i32.add
        local.set 8
        local.get 1
        local.get 6
        i32.const 320
        i32.mul
        i32.add
        local.set 9
        local.get 8
        local.set 10
        local.get 9
        local.set 11
        i32.const 0
        local.set 12
        loop  ;; label = @3
          local.get 10
          local.set 13
          local.get 11
          local.set 14
          i32.const 0
          local.set 15
          loop  ;; label = @4
            v128.const i32x4 0xff800000 0xff800000 0xff800000 0xff800000
            local.set 16
            v128.const i32x4 0xff800000 0xff800000 0xff800000 0xff800000
            local.set 17
            v128.const i32x4 0xff800000 0xff800000 0xff800000 0xff800000
            local.set 18
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            local.set 19
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            local.set 20
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            local.set 21
            local.get 13
            local.set 22
            i32.const 0
            local.set 23
            loop  ;; label = @5
              local.get 22
              v128.load
              local.set 24
              local.get 22
              v128.load offset=32
              local.set 25
              local.get 22
              v128.load offset=64
              local.set 26
              local.get 22
              v128.load offset=96
              local.set 27
              local.get 22
              v128.load offset=128
              local.set 28
              local.get 22
              v128.load offset=160
              local.set 29
              local.get 16
              local.get 24
              f32x4.pmax
              local.set 16
              local.get 24
              local.get 24
              f32x4.ne
              local.get 19
              v128.or
              local.set 19
              local.get 16
              local.get 25
              f32x4.pmax
              local.set 16
              local.get 25
              local.get 25
              f32x4.ne
              local.get 19
              v128.or
              local.set 19
              local.get 17
              local.get 26
              f32x4.pmax
              local.set 17
              local.get 26
              local.get 26
              f32x4.ne
              local.get 20
              v128.or
              local.set 20
              local.get 17
              local.get 27
              f32x4.pmax
              local.set 17
              local.get 27
              local.get 27
              f32x4.ne
              local.get 20
              v128.or
              local.set 20
              local.get 18
              local.get 28
              f32x4.pmax
              local.set 18
              local.get 28
              local.get 28
              f32x4.ne
              local.get 21
              v128.or
              local.set 21
              local.get 18
              local.get 29
              f32x4.pmax
              local.set 18
              local.get 29
              local.get 29
              f32x4.ne
              local.get 21
              v128.or
              local.set 21
              local.get 22
              i32.const 640
              i32.add
              local.set 22
              local.get 23
              i32.const 1
              i32.add
              local.tee 23
              i32.const 2
              i32.lt_u
              br_if 0 (;@5;)
            end
            local.get 16
            local.get 19
            v128.or
            local.set 16
            local.get 14
            local.get 16
            v128.store
            local.get 17
            local.get 20
            v128.or
            local.set 17
            local.get 14
            local.get 17
            v128.store offset=32
            local.get 18
            local.get 21
            v128.or
            local.set 18
            local.get 14
            local.get 18
            v128.store offset=64
            local.get 13
            i32.const 16
            i32.add
            local.set 13
            local.get 14
            i32.const 16
            i32.add
            local.set 14
            local.get 15
            i32.const 1
            i32.add
            local.tee 15
            i32.const 2
            i32.lt_u
            br_if 0 (;@4;)
          end
          local.get 10
          i32.const 192
          i32.add
          local.set 10
          local.get 11
          i32.const 96
          i32.add
          local.set 11
          local.get 12
          i32.const 1
          i32.add
          local.tee 12
          i32.const 3
          i32.lt_u
          br_if 0 (;@3;)
        end
        local.get 8
        local.set 11
        local.get 9
        i32.const 288
        i32.add
        local.set 10
        i32.const 0
        local.set 12
        local.get 11
        local.set 14
        local.get 10
        local.set 13
        i32.const 0
        local.set 15
        loop  ;; label = @3
          v128.const i32x4 0xff800000 0xff800000 0xff800000 0xff800000
          local.set 21
          v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
          local.set 20
          local.get 14
          local.set 22
          i32.const 0
          local.set 23
          loop  ;; label = @4
            local.get 22
            v128.load offset=576
            local.set 19
            local.get 22
            v128.load offset=608
            local.set 18
            local.get 21
            local.get 19
            f32x4.pmax
            local.set 21
            local.get 19
            local.get 19
            f32x4.ne
            local.get 20
            v128.or
            local.set 20
            local.get 21
            local.get 18
            f32x4.pmax
            local.set 21
            local.get 18
            local.get 18
            f32x4.ne
            local.get 20
            v128.or
            local.set 20
            local.get 22
            i32.const 640
            i32.add
            local.set 22
            local.get 23
            i32.const 1
            i32.add
            local.tee 23
            i32.const 2
            i32.lt_u
            br_if 0 (;@4;)
          end
          local.get 21
          local.get 20
          v128.or
          local.set 21
          local.get 13
          local.get 21
          v128.store
          local.get 14
          i32.const 16
          i32.add
          local.set 14
          local.get 13
          i32.const 16
          i32.add
          local.set 13
          local.get 15
          i32.const 1
          i32.add
          local.tee 15
          i32.const 2
          i32.lt_u
          br_if 0 (;@3;)
        end
        local.get 11
        i32.const 64
        i32.add
        local.set 11
        local.get 10
        i32.const 32
        i32.add
        local.set 10
        local.get 12
        i32.const 1
        i32.add
        local.set 12
        local.get 4
        i32.const 1
        i32.add
        local.tee 4
        local.get 3
        i32.lt_u
        br_if 0 (;@2;)
      end
    end)
  (func $pad_image.1 (type 0) (param i32 i32 i32 i32)
    (local i32 i32 i32 i32 i32 i32 i32)
    local.get 2
    local.set 6
    local.get 6
    local.get 3
    i32.lt_u
    if  ;; label = @1
      loop  ;; label = @2
        local.get 1
        local.get 6
        i32.const 4608
        i32.mul
        i32.add
        local.set 4
        local.get 6
        local.set 7
        local.get 0
        local.set 5
        i32.const 0
        local.set 7
        loop  ;; label = @3
          local.get 4
          v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
          v128.store
          local.get 4
          i32.const 16
          i32.add
          local.set 4
          local.get 7
          i32.const 1
          i32.add
          local.tee 7
          i32.const 24
          i32.lt_u
          br_if 0 (;@3;)
        end
        local.get 5
        local.set 7
        i32.const 0
        local.set 8
        loop  ;; label = @3
          i32.const 0
          local.set 9
          loop  ;; label = @4
            local.get 4
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            v128.store
            local.get 4
            i32.const 16
            i32.add
            local.set 4
            local.get 9
            i32.const 1
            i32.add
            local.tee 9
            i32.const 2
            i32.lt_u
            br_if 0 (;@4;)
          end
          local.get 7
          local.set 9
          i32.const 0
          local.set 10
          loop  ;; label = @4
            local.get 4
            local.get 9
            v128.load
            v128.store
            local.get 9
            i32.const 16
            i32.add
            local.set 9
            local.get 4
            i32.const 16
            i32.add
            local.set 4
            local.get 10
            i32.const 1
            i32.add
            local.tee 10
            i32.const 20
            i32.lt_u
            br_if 0 (;@4;)
          end
          i32.const 0
          local.set 9
          loop  ;; label = @4
            local.get 4
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            v128.store
            local.get 4
            i32.const 16
            i32.add
            local.set 4
            local.get 9
            i32.const 1
            i32.add
            local.tee 9
            i32.const 2
            i32.lt_u
            br_if 0 (;@4;)
          end
          local.get 7
          i32.const 320
          i32.add
          local.set 7
          local.get 8
          i32.const 1
          i32.add
          local.tee 8
          i32.const 10
          i32.lt_u
          br_if 0 (;@3;)
        end
        i32.const 0
        local.set 7
        loop  ;; label = @3
          local.get 4
          v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
          v128.store
          local.get 4
          i32.const 16
          i32.add
          local.set 4
          local.get 7
          i32.const 1
          i32.add
          local.tee 7
          i32.const 24
          i32.lt_u
          br_if 0 (;@3;)
        end
        local.get 6
        i32.const 1
        i32.add
        local.tee 6
        local.get 3
        i32.lt_u
        br_if 0 (;@2;)
      end
    end)
  (func $conv_3x3x8x16 (type 1) (param i32 i32 i32 i32 i32 i32)
    (local i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 v128 v128 v128 v128 v128 v128 v128 v128 i32 i32 i32 i32 v128 v128 v128 v128 v128)
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
        i32.const 0
        local.set 11
        local.get 7
        local.get 11
        i32.const 4608
        i32.mul
        i32.add
        local.set 12
        local.get 8
        local.get 11
        i32.const 6
        i32.shl
        i32.add
        local.set 13
        local.get 9
        local.get 11
        i32.const 6
        i32.shl
        i32.add
        local.set 14
        i32.const 0
        local.set 15
        loop  ;; label = @3
          local.get 6
          local.get 15
          i32.const 384
          i32.mul
          i32.add
          local.set 16
          local.get 13
          local.get 15
          i32.const 640
          i32.mul
          i32.add
          local.set 17
          local.get 14
          local.set 18
          local.get 16
          local.set 19
          local.get 17
          local.set 20
          local.get 18
          local.set 21
          i32.const 0
          local.set 22
          loop  ;; label = @4
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
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            local.set 28
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            local.set 29
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            local.set 30
            local.get 19
            local.set 31
            local.get 12
            local.set 32
            i32.const 0
            local.set 33
            loop  ;; label = @5
              local.get 31
              i32.const 96
              i32.add
              local.set 34
              loop  ;; label = @6
                local.get 32
                v128.load
                local.set 35
                local.get 32
                v128.load offset=16
                local.set 36
                local.get 32
                v128.load offset=32
                local.set 37
                local.get 32
                v128.load offset=48
                local.set 38
                local.get 31
                v128.load32_splat
                local.set 39
                local.get 39
                local.get 35
                f32x4.mul
                local.get 23
                f32x4.add
                local.set 23
                local.get 39
                local.get 36
                f32x4.mul
                local.get 24
                f32x4.add
                local.set 24
                local.get 39
                local.get 37
                f32x4.mul
                local.get 25
                f32x4.add
                local.set 25
                local.get 39
                local.get 38
                f32x4.mul
                local.get 26
                f32x4.add
                local.set 26
                local.get 31
                v128.load32_splat offset=32
                local.set 39
                local.get 39
                local.get 35
                f32x4.mul
                local.get 27
                f32x4.add
                local.set 27
                local.get 39
                local.get 36
                f32x4.mul
                local.get 28
                f32x4.add
                local.set 28
                local.get 39
                local.get 37
                f32x4.mul
                local.get 29
                f32x4.add
                local.set 29
                local.get 39
                local.get 38
                f32x4.mul
                local.get 30
                f32x4.add
                local.set 30
                local.get 32
                i32.const 64
                i32.add
                local.set 32
                local.get 31
                i32.const 4
                i32.add
                local.set 31
                local.get 31
                local.get 34
                i32.ne
                br_if 0 (;@6;)
              end
              local.get 31
              i32.const 288
              i32.add
              local.set 31
              local.get 33
              i32.const 1
              i32.add
              local.tee 33
              i32.const 3
              i32.lt_u
              br_if 0 (;@5;)
            end
            local.get 23
            local.get 21
            v128.load
            f32x4.add
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            f32x4.pmax
            local.set 38
            local.get 20
            local.get 38
            v128.store
            local.get 24
            local.get 21
            v128.load offset=16
            f32x4.add
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            f32x4.pmax
            local.set 38
            local.get 20
            local.get 38
            v128.store offset=16
            local.get 25
            local.get 21
            v128.load offset=32
            f32x4.add
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            f32x4.pmax
            local.set 38
            local.get 20
            local.get 38
            v128.store offset=32
            local.get 26
            local.get 21
            v128.load offset=48
            f32x4.add
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            f32x4.pmax
            local.set 38
            local.get 20
            local.get 38
            v128.store offset=48
            local.get 27
            local.get 21
            v128.load
            f32x4.add
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            f32x4.pmax
            local.set 38
            local.get 20
            local.get 38
            v128.store offset=64
            local.get 28
            local.get 21
            v128.load offset=16
            f32x4.add
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            f32x4.pmax
            local.set 38
            local.get 20
            local.get 38
            v128.store offset=80
            local.get 29
            local.get 21
            v128.load offset=32
            f32x4.add
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            f32x4.pmax
            local.set 38
            local.get 20
            local.get 38
            v128.store offset=96
            local.get 30
            local.get 21
            v128.load offset=48
            f32x4.add
            v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
            f32x4.pmax
            local.set 38
            local.get 20
            local.get 38
            v128.store offset=112
            local.get 19
            i32.const 64
            i32.add
            local.set 19
            local.get 20
            i32.const 128
            i32.add
            local.set 20
            local.get 22
            i32.const 1
            i32.add
            local.tee 22
            i32.const 5
            i32.lt_u
            br_if 0 (;@4;)
          end
          local.get 15
          i32.const 1
          i32.add
          local.tee 15
          i32.const 10
          i32.lt_u
          br_if 0 (;@3;)
        end
        local.get 11
        i32.const 1
        i32.add
        local.set 11
        local.get 10
        i32.const 1
        i32.add
        local.tee 10
        local.get 5
        i32.lt_u
        br_if 0 (;@2;)
      end
    end)
  (func $pool_max.1 (type 0) (param i32 i32 i32 i32)
    (local i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 v128 v128 v128 v128 v128 v128 i32 i32 v128 v128 v128 v128 v128 v128)
    local.get 2
    local.set 4
    local.get 4
    local.get 3
    i32.lt_u
    if  ;; label = @1
      loop  ;; label = @2
        local.get 4
        local.set 5
        local.get 5
        local.set 6
        local.get 0
        local.get 6
        i32.const 1280
        i32.mul
        i32.add
        local.set 8
        local.get 1
        local.get 6
        i32.const 320
        i32.mul
        i32.add
        local.set 9
        local.get 8
        local.set 10
        local.get 9
        local.set 11
        i32.const 0
        local.set 12
        local.get 10
        local.set 13
        local.get 11
        local.set 14
        i32.const 0
        local.set 15
        loop  ;; label = @3
          v128.const i32x4 0xff800000 0xff800000 0xff800000 0xff800000
          local.set 16
          v128.const i32x4 0xff800000 0xff800000 0xff800000 0xff800000
          local.set 17
          v128.const i32x4 0xff800000 0xff800000 0xff800000 0xff800000
          local.set 18
          v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
          local.set 19
          v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
          local.set 20
          v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
          local.set 21
          local.get 13
          local.set 22
          i32.const 0
          local.set 23
          loop  ;; label = @4
            local.get 22
            v128.load
            local.set 24
            local.get 22
            v128.load offset=64
            local.set 25
            local.get 22
            v128.load offset=128
            local.set 26
            local.get 22
            v128.load offset=192
            local.set 27
            local.get 22
            v128.load offset=256
            local.set 28
            local.get 22
            v128.load offset=320
            local.set 29
            local.get 16
            local.get 24
            f32x4.pmax
            local.set 16
            local.get 24
            local.get 24
            f32x4.ne
            local.get 19
            v128.or
            local.set 19
            local.get 16
            local.get 25
            f32x4.pmax
            local.set 16
            local.get 25
            local.get 25
            f32x4.ne
            local.get 19
            v128.or
            local.set 19
            local.get 17
            local.get 26
            f32x4.pmax
            local.set 17
            local.get 26
            local.get 26
            f32x4.ne
            local.get 20
            v128.or
            local.set 20
            local.get 17
            local.get 27
            f32x4.pmax
            local.set 17
            local.get 27
            local.get 27
            f32x4.ne
            local.get 20
            v128.or
            local.set 20
            local.get 18
            local.get 28
            f32x4.pmax
            local.set 18
            local.get 28
            local.get 28
            f32x4.ne
            local.get 21
            v128.or
            local.set 21
            local.get 18
            local.get 29
            f32x4.pmax
            local.set 18
            local.get 29
            local.get 29
            f32x4.ne
            local.get 21
            v128.or
            local.set 21
            local.get 22
            i32.const 640
            i32.add
            local.set 22
            local.get 23
            i32.const 1
            i32.add
            local.tee 23
            i32.const 2
            i32.lt_u
            br_if 0 (;@4;)
          end
          local.get 16
          local.get 19
          v128.or
          local.set 16
          local.get 14
          local.get 16
          v128.store
          local.get 17
          local.get 20
          v128.or
          local.set 17
          local.get 14
          local.get 17
          v128.store offset=64
          local.get 18
          local.get 21
          v128.or
          local.set 18
          local.get 14
          local.get 18
          v128.store offset=128
          local.get 13
          i32.const 16
          i32.add
          local.set 13
          local.get 14
          i32.const 16
          i32.add
          local.set 14
          local.get 15
          i32.const 1
          i32.add
          local.tee 15
          i32.const 4
          i32.lt_u
          br_if 0 (;@3;)
        end
        local.get 10
        i32.const 384
        i32.add
        local.set 10
        local.get 11
        i32.const 192
        i32.add
        local.set 11
        local.get 12
        i32.const 1
        i32.add
        local.set 12
        local.get 8
        local.set 11
        local.get 9
        i32.const 192
        i32.add
        local.set 10
        i32.const 0
        local.set 12
        local.get 11
        local.set 14
        local.get 10
        local.set 13
        i32.const 0
        local.set 15
        loop  ;; label = @3
          v128.const i32x4 0xff800000 0xff800000 0xff800000 0xff800000
          local.set 21
          v128.const i32x4 0xff800000 0xff800000 0xff800000 0xff800000
          local.set 20
          v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
          local.set 19
          v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
          local.set 18
          local.get 14
          local.set 22
          i32.const 0
          local.set 23
          loop  ;; label = @4
            local.get 22
            v128.load offset=384
            local.set 17
            local.get 22
            v128.load offset=448
            local.set 16
            local.get 22
            v128.load offset=512
            local.set 29
            local.get 22
            v128.load offset=576
            local.set 28
            local.get 21
            local.get 17
            f32x4.pmax
            local.set 21
            local.get 17
            local.get 17
            f32x4.ne
            local.get 19
            v128.or
            local.set 19
            local.get 21
            local.get 16
            f32x4.pmax
            local.set 21
            local.get 16
            local.get 16
            f32x4.ne
            local.get 19
            v128.or
            local.set 19
            local.get 20
            local.get 29
            f32x4.pmax
            local.set 20
            local.get 29
            local.get 29
            f32x4.ne
            local.get 18
            v128.or
            local.set 18
            local.get 20
            local.get 28
            f32x4.pmax
            local.set 20
            local.get 28
            local.get 28
            f32x4.ne
            local.get 18
            v128.or
            local.set 18
            local.get 22
            i32.const 640
            i32.add
            local.set 22
            local.get 23
            i32.const 1
            i32.add
            local.tee 23
            i32.const 2
            i32.lt_u
            br_if 0 (;@4;)
          end
          local.get 21
          local.get 19
          v128.or
          local.set 21
          local.get 13
          local.get 21
          v128.store
          local.get 20
          local.get 18
          v128.or
          local.set 20
          local.get 13
          local.get 20
          v128.store offset=64
          local.get 14
          i32.const 16
          i32.add
          local.set 14
          local.get 13
          i32.const 16
          i32.add
          local.set 13
          local.get 15
          i32.const 1
          i32.add
          local.tee 15
          i32.const 4
          i32.lt_u
          br_if 0 (;@3;)
        end
        local.get 11
        i32.const 256
        i32.add
        local.set 11
        local.get 10
        i32.const 128
        i32.add
        local.set 10
        local.get 12
        i32.const 1
        i32.add
        local.set 12
        local.get 4
        i32.const 1
        i32.add
        local.tee 4
        local.get 3
        i32.lt_u
        br_if 0 (;@2;)
      end
    end)
  (func $transpose (type 0) (param i32 i32 i32 i32)
    (local i32 i32 i32 i32 i32 i32 v128 v128 v128 v128 v128 v128 v128 v128)
    local.get 2
    local.set 4
    local.get 0
    local.set 4
    local.get 1
    local.set 5
    local.get 2
    local.tee 6
    local.get 3
    i32.lt_u
    if  ;; label = @1
      loop  ;; label = @2
        local.get 4
        local.set 7
        local.get 5
        local.set 8
        i32.const 0
        local.set 9
        loop  ;; label = @3
          local.get 7
          v128.load
          local.set 10
          local.get 7
          v128.load offset=64
          local.set 11
          local.get 7
          v128.load offset=128
          local.set 12
          local.get 7
          v128.load offset=192
          local.set 13
          local.get 10
          local.get 11
          i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23
          local.set 14
          local.get 10
          local.get 11
          i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31
          local.set 15
          local.get 12
          local.get 13
          i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23
          local.set 16
          local.get 12
          local.get 13
          i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31
          local.set 17
          local.get 14
          local.get 16
          i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23
          local.set 10
          local.get 14
          local.get 16
          i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31
          local.set 11
          local.get 15
          local.get 17
          i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23
          local.set 12
          local.get 15
          local.get 17
          i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31
          local.set 13
          local.get 8
          local.get 10
          v128.store
          local.get 8
          local.get 11
          v128.store offset=100
          local.get 8
          local.get 12
          v128.store offset=200
          local.get 8
          local.get 13
          v128.store offset=300
          local.get 7
          v128.load offset=16
          local.set 10
          local.get 7
          v128.load offset=80
          local.set 11
          local.get 7
          v128.load offset=144
          local.set 12
          local.get 7
          v128.load offset=208
          local.set 13
          local.get 10
          local.get 11
          i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23
          local.set 14
          local.get 10
          local.get 11
          i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31
          local.set 15
          local.get 12
          local.get 13
          i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23
          local.set 16
          local.get 12
          local.get 13
          i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31
          local.set 17
          local.get 14
          local.get 16
          i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23
          local.set 10
          local.get 14
          local.get 16
          i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31
          local.set 11
          local.get 15
          local.get 17
          i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23
          local.set 12
          local.get 15
          local.get 17
          i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31
          local.set 13
          local.get 8
          local.get 10
          v128.store offset=400
          local.get 8
          local.get 11
          v128.store offset=500
          local.get 8
          local.get 12
          v128.store offset=600
          local.get 8
          local.get 13
          v128.store offset=700
          local.get 7
          v128.load offset=32
          local.set 10
          local.get 7
          v128.load offset=96
          local.set 11
          local.get 7
          v128.load offset=160
          local.set 12
          local.get 7
          v128.load offset=224
          local.set 13
          local.get 10
          local.get 11
          i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23
          local.set 14
          local.get 10
          local.get 11
          i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31
          local.set 15
          local.get 12
          local.get 13
          i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23
          local.set 16
          local.get 12
          local.get 13
          i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31
          local.set 17
          local.get 14
          local.get 16
          i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23
          local.set 10
          local.get 14
          local.get 16
          i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31
          local.set 11
          local.get 15
          local.get 17
          i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23
          local.set 12
          local.get 15
          local.get 17
          i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31
          local.set 13
          local.get 8
          local.get 10
          v128.store offset=800
          local.get 8
          local.get 11
          v128.store offset=900
          local.get 8
          local.get 12
          v128.store offset=1000
          local.get 8
          local.get 13
          v128.store offset=1100
          local.get 7
          v128.load offset=48
          local.set 10
          local.get 7
          v128.load offset=112
          local.set 11
          local.get 7
          v128.load offset=176
          local.set 12
          local.get 7
          v128.load offset=240
          local.set 13
          local.get 10
          local.get 11
          i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23
          local.set 14
          local.get 10
          local.get 11
          i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31
          local.set 15
          local.get 12
          local.get 13
          i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23
          local.set 16
          local.get 12
          local.get 13
          i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31
          local.set 17
          local.get 14
          local.get 16
          i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23
          local.set 10
          local.get 14
          local.get 16
          i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31
          local.set 11
          local.get 15
          local.get 17
          i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23
          local.set 12
          local.get 15
          local.get 17
          i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31
          local.set 13
          local.get 8
          local.get 10
          v128.store offset=1200
          local.get 8
          local.get 11
          v128.store offset=1300
          local.get 8
          local.get 12
          v128.store offset=1400
          local.get 8
          local.get 13
          v128.store offset=1500
          local.get 7
          i32.const 256
          i32.add
          local.set 7
          local.get 8
          i32.const 16
          i32.add
          local.set 8
          local.get 9
          i32.const 1
          i32.add
          local.tee 9
          i32.const 6
          i32.lt_u
          br_if 0 (;@3;)
        end
        local.get 8
        local.get 7
        i32.load
        i32.store
        local.get 8
        local.get 7
        i32.load offset=4
        i32.store offset=100
        local.get 8
        local.get 7
        i32.load offset=8
        i32.store offset=200
        local.get 8
        local.get 7
        i32.load offset=12
        i32.store offset=300
        local.get 8
        local.get 7
        i32.load offset=16
        i32.store offset=400
        local.get 8
        local.get 7
        i32.load offset=20
        i32.store offset=500
        local.get 8
        local.get 7
        i32.load offset=24
        i32.store offset=600
        local.get 8
        local.get 7
        i32.load offset=28
        i32.store offset=700
        local.get 8
        local.get 7
        i32.load offset=32
        i32.store offset=800
        local.get 8
        local.get 7
        i32.load offset=36
        i32.store offset=900
        local.get 8
        local.get 7
        i32.load offset=40
        i32.store offset=1000
        local.get 8
        local.get 7
        i32.load offset=44
        i32.store offset=1100
        local.get 8
        local.get 7
        i32.load offset=48
        i32.store offset=1200
        local.get 8
        local.get 7
        i32.load offset=52
        i32.store offset=1300
        local.get 8
        local.get 7
        i32.load offset=56
        i32.store offset=1400
        local.get 8
        local.get 7
        i32.load offset=60
        i32.store offset=1500
        local.get 6
        i32.const 1
        i32.add
        local.set 6
        local.get 6
        local.get 3
        i32.lt_u
        br_if 0 (;@2;)
      end
    end)
  (func $matmul_1x400x10 (type 1) (param i32 i32 i32 i32 i32 i32)
    (local i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 v128 v128 v128 i32 i32 i32 v128 v128 v128 v128 v128 v128 v128)
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
        local.get 6
        local.set 16
        local.get 13
        local.set 17
        local.get 14
        local.set 18
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        local.set 19
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        local.set 20
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        local.set 21
        local.get 16
        local.set 22
        local.get 12
        local.set 23
        local.get 22
        i32.const 800
        i32.add
        local.set 24
        loop  ;; label = @3
          local.get 23
          v128.load
          local.set 25
          local.get 23
          v128.load offset=6400
          local.set 26
          local.get 23
          v128.load offset=12800
          local.set 27
          local.get 23
          v128.load offset=3200
          local.set 28
          local.get 23
          v128.load offset=9600
          local.set 29
          local.get 23
          v128.load offset=16000
          local.set 30
          local.get 22
          v128.load32_splat
          local.set 31
          local.get 31
          local.get 25
          f32x4.mul
          local.get 19
          f32x4.add
          local.set 19
          local.get 31
          local.get 26
          f32x4.mul
          local.get 20
          f32x4.add
          local.set 20
          local.get 31
          local.get 27
          f32x4.mul
          local.get 21
          f32x4.add
          local.set 21
          local.get 22
          v128.load32_splat offset=800
          local.set 31
          local.get 31
          local.get 28
          f32x4.mul
          local.get 19
          f32x4.add
          local.set 19
          local.get 31
          local.get 29
          f32x4.mul
          local.get 20
          f32x4.add
          local.set 20
          local.get 31
          local.get 30
          f32x4.mul
          local.get 21
          f32x4.add
          local.set 21
          local.get 23
          i32.const 16
          i32.add
          local.set 23
          local.get 22
          i32.const 4
          i32.add
          local.set 22
          local.get 22
          local.get 24
          i32.ne
          br_if 0 (;@3;)
        end
        local.get 19
        local.get 18
        v128.load
        f32x4.add
        local.set 30
        local.get 17
        local.get 30
        v128.store
        local.get 20
        local.get 18
        v128.load offset=16
        f32x4.add
        local.set 30
        local.get 17
        local.get 30
        v128.store offset=16
        local.get 21
        local.get 18
        v128.load64_zero offset=32
        f32x4.add
        local.set 30
        local.get 17
        local.get 30
        v128.store64_lane offset=32 0
        local.get 10
        i32.const 1
        i32.add
        local.tee 10
        local.get 5
        i32.lt_u
        br_if 0 (;@2;)
      end
    end)
  (func $softmax (type 0) (param i32 i32 i32 i32)
    (local v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 i32 i32 i32 v128 v128 i32 i32 f32 f32 v128 v128 i32 v128 v128 v128 v128 v128 f32)
    v128.const i32x4 0xc2b00000 0xc2b00000 0xc2b00000 0xc2b00000
    local.set 4
    v128.const i32x4 0x3fb8aa3b 0x3fb8aa3b 0x3fb8aa3b 0x3fb8aa3b
    local.set 5
    v128.const i32x4 0x4b400000 0x4b400000 0x4b400000 0x4b400000
    local.set 6
    v128.const i32x4 0x395e8083 0x395e8083 0x395e8083 0x395e8083
    local.set 7
    v128.const i32x4 0xbf318000 0xbf318000 0xbf318000 0xbf318000
    local.set 8
    v128.const i32x4 0x3f800000 0x3f800000 0x3f800000 0x3f800000
    local.set 9
    v128.const i32x4 0x3ab51218 0x3ab51218 0x3ab51218 0x3ab51218
    local.set 10
    v128.const i32x4 0x3c091cf2 0x3c091cf2 0x3c091cf2 0x3c091cf2
    local.set 11
    v128.const i32x4 0x3d2aac79 0x3d2aac79 0x3d2aac79 0x3d2aac79
    local.set 12
    v128.const i32x4 0x3e2aaa49 0x3e2aaa49 0x3e2aaa49 0x3e2aaa49
    local.set 13
    v128.const i32x4 0x3efffffe 0x3efffffe 0x3efffffe 0x3efffffe
    local.set 14
    v128.const i32x4 0x4b3fff81 0x4b3fff81 0x4b3fff81 0x4b3fff81
    local.set 15
    local.get 2
    local.set 16
    local.get 0
    local.set 16
    local.get 1
    local.set 17
    local.get 2
    local.tee 18
    local.get 3
    i32.lt_u
    if  ;; label = @1
      loop  ;; label = @2
        v128.const i32x4 0xff800000 0xff800000 0xff800000 0xff800000
        local.set 19
        v128.const i32x4 0xff800000 0xff800000 0xff800000 0xff800000
        local.set 20
        local.get 16
        local.set 22
        i32.const 0
        local.set 21
        local.get 19
        local.get 22
        v128.load
        f32x4.pmax
        local.set 19
        local.get 20
        local.get 22
        v128.load offset=16
        f32x4.pmax
        local.set 20
        local.get 22
        i32.const 32
        i32.add
        local.set 22
        local.get 21
        i32.const 1
        i32.add
        local.set 21
        local.get 20
        local.get 16
        v128.load32_splat offset=32
        f32x4.pmax
        local.set 20
        local.get 20
        local.get 16
        v128.load32_splat offset=36
        f32x4.pmax
        local.set 20
        local.get 19
        local.get 20
        f32x4.max
        local.set 19
        local.get 19
        local.get 19
        local.get 19
        i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7
        f32x4.max
        local.set 19
        local.get 19
        local.get 19
        local.get 19
        i8x16.shuffle 4 5 6 7 0 1 2 3 12 13 14 15 8 9 10 11
        f32x4.max
        local.set 19
        local.get 19
        f32x4.extract_lane 0
        local.set 23
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        local.set 20
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        local.set 25
        local.get 16
        local.set 21
        local.get 17
        local.set 27
        i32.const 0
        local.set 22
        local.get 21
        v128.load
        local.get 19
        f32x4.sub
        local.set 28
        local.get 28
        local.get 4
        f32x4.pmax
        local.set 29
        local.get 29
        local.get 5
        f32x4.mul
        local.get 6
        f32x4.add
        local.set 30
        local.get 30
        local.get 6
        f32x4.sub
        local.set 31
        local.get 31
        local.get 7
        f32x4.mul
        local.get 31
        local.get 8
        f32x4.mul
        local.get 29
        f32x4.add
        f32x4.add
        local.set 32
        local.get 9
        local.get 32
        local.get 32
        f32x4.mul
        local.get 10
        local.get 32
        f32x4.mul
        local.get 11
        f32x4.add
        local.get 32
        f32x4.mul
        local.get 12
        f32x4.add
        local.get 32
        f32x4.mul
        local.get 13
        f32x4.add
        local.get 32
        f32x4.mul
        local.get 14
        f32x4.add
        f32x4.mul
        local.get 32
        f32x4.add
        f32x4.add
        local.get 30
        local.get 15
        i32x4.sub
        i32.const 23
        i32x4.shl
        f32x4.mul
        local.set 26
        local.get 20
        local.get 26
        f32x4.add
        local.set 20
        local.get 27
        local.get 26
        v128.store
        local.get 21
        v128.load offset=16
        local.get 19
        f32x4.sub
        local.set 32
        local.get 32
        local.get 4
        f32x4.pmax
        local.set 31
        local.get 31
        local.get 5
        f32x4.mul
        local.get 6
        f32x4.add
        local.set 30
        local.get 30
        local.get 6
        f32x4.sub
        local.set 29
        local.get 29
        local.get 7
        f32x4.mul
        local.get 29
        local.get 8
        f32x4.mul
        local.get 31
        f32x4.add
        f32x4.add
        local.set 28
        local.get 9
        local.get 28
        local.get 28
        f32x4.mul
        local.get 10
        local.get 28
        f32x4.mul
        local.get 11
        f32x4.add
        local.get 28
        f32x4.mul
        local.get 12
        f32x4.add
        local.get 28
        f32x4.mul
        local.get 13
        f32x4.add
        local.get 28
        f32x4.mul
        local.get 14
        f32x4.add
        f32x4.mul
        local.get 28
        f32x4.add
        f32x4.add
        local.get 30
        local.get 15
        i32x4.sub
        i32.const 23
        i32x4.shl
        f32x4.mul
        local.set 26
        local.get 25
        local.get 26
        f32x4.add
        local.set 25
        local.get 27
        local.get 26
        v128.store offset=16
        local.get 21
        i32.const 32
        i32.add
        local.set 21
        local.get 27
        i32.const 32
        i32.add
        local.set 27
        local.get 22
        i32.const 1
        i32.add
        local.set 22
        local.get 20
        local.get 25
        f32x4.add
        local.set 26
        local.get 26
        local.get 26
        local.get 26
        i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7
        f32x4.add
        local.set 26
        local.get 26
        local.get 26
        local.get 26
        i8x16.shuffle 4 5 6 7 0 1 2 3 12 13 14 15 8 9 10 11
        f32x4.add
        local.set 26
        local.get 26
        f32x4.extract_lane 0
        local.set 24
        local.get 16
        v128.load32_splat offset=32
        local.get 19
        f32x4.sub
        local.set 28
        local.get 28
        local.get 4
        f32x4.pmax
        local.set 29
        local.get 29
        local.get 5
        f32x4.mul
        local.get 6
        f32x4.add
        local.set 30
        local.get 30
        local.get 6
        f32x4.sub
        local.set 31
        local.get 31
        local.get 7
        f32x4.mul
        local.get 31
        local.get 8
        f32x4.mul
        local.get 29
        f32x4.add
        f32x4.add
        local.set 32
        local.get 9
        local.get 32
        local.get 32
        f32x4.mul
        local.get 10
        local.get 32
        f32x4.mul
        local.get 11
        f32x4.add
        local.get 32
        f32x4.mul
        local.get 12
        f32x4.add
        local.get 32
        f32x4.mul
        local.get 13
        f32x4.add
        local.get 32
        f32x4.mul
        local.get 14
        f32x4.add
        f32x4.mul
        local.get 32
        f32x4.add
        f32x4.add
        local.get 30
        local.get 15
        i32x4.sub
        i32.const 23
        i32x4.shl
        f32x4.mul
        f32x4.extract_lane 0
        local.set 33
        local.get 24
        local.get 33
        f32.add
        local.set 24
        local.get 17
        local.get 33
        f32.store offset=32
        local.get 16
        v128.load32_splat offset=36
        local.get 19
        f32x4.sub
        local.set 32
        local.get 32
        local.get 4
        f32x4.pmax
        local.set 31
        local.get 31
        local.get 5
        f32x4.mul
        local.get 6
        f32x4.add
        local.set 30
        local.get 30
        local.get 6
        f32x4.sub
        local.set 29
        local.get 29
        local.get 7
        f32x4.mul
        local.get 29
        local.get 8
        f32x4.mul
        local.get 31
        f32x4.add
        f32x4.add
        local.set 28
        local.get 9
        local.get 28
        local.get 28
        f32x4.mul
        local.get 10
        local.get 28
        f32x4.mul
        local.get 11
        f32x4.add
        local.get 28
        f32x4.mul
        local.get 12
        f32x4.add
        local.get 28
        f32x4.mul
        local.get 13
        f32x4.add
        local.get 28
        f32x4.mul
        local.get 14
        f32x4.add
        f32x4.mul
        local.get 28
        f32x4.add
        f32x4.add
        local.get 30
        local.get 15
        i32x4.sub
        i32.const 23
        i32x4.shl
        f32x4.mul
        f32x4.extract_lane 0
        local.set 33
        local.get 24
        local.get 33
        f32.add
        local.set 24
        local.get 17
        local.get 33
        f32.store offset=36
        f32.const 0x1p+0 (;=1;)
        local.get 24
        f32.div
        local.tee 24
        f32x4.splat
        local.set 26
        local.get 16
        local.set 21
        local.get 17
        local.set 22
        i32.const 0
        local.set 27
        local.get 22
        local.get 22
        v128.load
        local.get 26
        f32x4.mul
        v128.store
        local.get 22
        local.get 22
        v128.load offset=16
        local.get 26
        f32x4.mul
        v128.store offset=16
        local.get 21
        i32.const 32
        i32.add
        local.set 21
        local.get 22
        i32.const 32
        i32.add
        local.set 22
        local.get 27
        i32.const 1
        i32.add
        local.set 27
        local.get 17
        local.get 17
        f32.load offset=32
        local.get 24
        f32.mul
        f32.store offset=32
        local.get 17
        local.get 17
        f32.load offset=36
        local.get 24
        f32.mul
        f32.store offset=36
        local.get 18
        i32.const 1
        i32.add
        local.set 18
        local.get 18
        local.get 3
        i32.lt_u
        br_if 0 (;@2;)
      end
    end)
  (export "restride_0" (func 0))
  (export "product_1" (func 1))
  (export "pool_2" (func 2))
  (export "restride_3" (func 3))
  (export "product_4" (func 4))
  (export "pool_5" (func 5))
  (export "transpose_6" (func 6))
  (export "product_7" (func 7))
  (export "softmax_8" (func 8)))
