internal import COnnxRuntime

/// Memory that models held and hold no more.
package enum FreeMemory {
    /// Asks the allocator to hand its free pages back to the system: glibc keeps them otherwise.
    /// Takes milliseconds when there are many; call it after a model was let go, off the request
    /// path.
    package static func giveBack() {
        ort_ReturnFreedMemory()
    }
}
