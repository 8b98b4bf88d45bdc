(module
  (type (;0;) (func (param i32 i32 i32)))
  (import "env" "memory" (memory (;0;) 3 65536))
  (func $axpy (type 0) (param i32 i32 i32)
    (local i32 v128)
    i32.const 0
    local.set 3
    local.get 3
    local.get 2
    i32.lt_u
    if  ;; label = @1
      loop  ;; label = @2
        local.get 1
        local.get 3
        i32.const 2
        i32.shl
        i32.add
        local.get 1
        local.get 3
        i32.const 2
        i32.shl
        i32.add
        v128.load
        local.set 4
        local.get 0
        local.get 3
        i32.const 2
        i32.shl
        i32.add
        v128.load offset=64
        v128.const i32x4 0x3f000000 0x3f000000 0x3f000000 0x3f000000
        local.get 4
        f32x4.relaxed_madd
        local.set 4
        local.get 4
        v128.store
        local.get 3
        i32.const 4
        i32.add
        local.tee 3
        local.get 2
        i32.lt_u
        br_if 0 (;@2;)
      end
    end)
  (export "axpy" (func 0)))
