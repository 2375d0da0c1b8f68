internal import Glibc

/// A file descriptor that is closed when its last owner releases it.
package final class OwnedDescriptor: Sendable {
    /// The number.
    package let number: Int32

    /// Takes over a descriptor.
    package init(_ number: Int32) {
        self.number = number
    }

    deinit { close(number) }
}
