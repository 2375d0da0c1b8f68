/// Why the registry refused or failed, for two readers: the caller and the operator.
package struct RegistryError: Error, Sendable {
    /// What kind of failure it is; each has one status code of the protocol.
    package enum Code: Sendable, Hashable {
        /// The model, version, alias, upload or file does not exist, or is not this principal's.
        case notFound
        /// The request itself can never be right: a bad name, list, length or card.
        case invalidArgument
        /// The request is right and the registry's state is not one in which it can be done.
        case failedPrecondition
        /// A compare-and-set lost against another move.
        case aborted
        /// Something that was to be created is there already.
        case alreadyExists
        /// A chunk's offset is ahead of what is held.
        case outOfRange
        /// Bytes are not the ones that were declared, signed or sealed.
        case dataLoss
        /// A bound of ``Limits`` or the disk is used up.
        case resourceExhausted
        /// The registry cannot start: another server holds it, or a key, the database or the head
        /// is wrong or missing.
        case unavailable
        /// The machine failed under the registry, or the registry itself is wrong.
        case internalFailure
    }

    /// The kind of failure.
    package let code: Code
    /// What was wrong and what was expected. Safe for a caller: it names models, versions,
    /// aliases and files of the bundle, and never a path of the server or a key.
    package let message: String
    /// What the operator's log needs besides: paths, `errno`, SQLite's text. Empty if nothing.
    package let detail: String
    /// Whether what is refused is a whole registry that is not known to be the newest: a person
    /// may accept that, on record (``Registry/accept(_:layout:keys:clock:steps:signing:)``).
    package let isAcceptable: Bool

    /// Describes a failure.
    package init(
        _ code: Code,
        _ message: String,
        detail: String = "",
        isAcceptable: Bool = false
    ) {
        self.code = code
        self.message = message
        self.detail = detail
        self.isAcceptable = isAcceptable
    }
}

extension RegistryError: Equatable {
    /// Errors are equal when their codes are: messages are for people.
    package static func == (left: RegistryError, right: RegistryError) -> Bool {
        left.code == right.code
    }
}

extension RegistryError: CustomStringConvertible {
    /// The operator's one line.
    package var description: String {
        detail.isEmpty ? message : "\(message) (\(detail))"
    }
}
