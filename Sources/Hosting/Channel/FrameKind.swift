/// The kind of a control frame.
package enum FrameKind: UInt8, Sendable {
    /// JSON, while a model is loaded.
    case message = 1
    /// Bytes of a file, while a model is loaded.
    case bytes = 2
    /// Ends the run of a lane, from the server.
    case terminate = 3
    /// A memory area for one run, from the server; its descriptor goes with the frame.
    case area = 4
}
