internal import Text

/// Why a file is not used: its kind, its owner or its mode.
package struct FileFault: Error, Sendable, Hashable {
    /// The kinds of fault.
    package enum Kind: String, Sendable {
        /// A FIFO, a device or a folder where a file is expected, or the reverse.
        case kind
        /// An owner other than root and the process's user.
        case owner
        /// A mode that lets others read a key, or write what is trusted.
        case mode
    }

    package let kind: Kind
    /// The path as it was given.
    package let path: String
    /// The finding and the expectation, without the path.
    package let problem: String
}

extension FileFault: CustomStringConvertible {
    /// One line for the operator.
    package var description: String { "\(path.escaped) \(problem)" }
}
