/// A frame of the control socket.
package struct Frame: Sendable {
    /// The kind of its content.
    package let kind: FrameKind
    /// Its content, as `kind` says.
    package let payload: [UInt8]
    /// The descriptor that came with it.
    package let descriptor: OwnedDescriptor?

    /// Makes a frame.
    package init(kind: FrameKind, payload: [UInt8], descriptor: OwnedDescriptor? = nil) {
        self.kind = kind
        self.payload = payload
        self.descriptor = descriptor
    }
}
