/// The limits of the messages between server and engine host while a model is loaded.
package enum HostMessages {
    /// Bytes of an order, inclusive: a card, and the paths of a bundle.
    package static let maxOrderBytes = 8 << 20
    /// Bytes of a message of the host, inclusive: a signature of the most tensors, with names of
    /// the most bytes.
    package static let maxReportBytes = 4 << 20
    /// JSON values of such a message, inclusive: the most tensors have 28,672 values.
    package static let maxReportValues = 65_536
    /// Bytes of a file that one frame holds, inclusive.
    package static let maxPieceBytes = 1 << 20
}
