internal import Registry
internal import Sealing
internal import TLS

/// Why a command or the server could not do its work: for the operator, on one line.
package struct ServerError: Error, CustomStringConvertible {
    package let message: String
    /// What to do about it; nil where nothing helps that the message does not say.
    package let hint: String?

    package init(_ message: String, hint: String? = nil) {
        self.message = message
        self.hint = hint
    }

    /// What another part of the program says, without the kind that only code asks for.
    package init(of error: any Error, hint: String? = nil) {
        switch error {
        case let error as ServerError: self = error
        case let error as TLSError: self.init(error.message, hint: hint)
        case let error as SealingError: self.init(error.message, hint: hint)
        case let error as RegistryError: self.init(error.description, hint: hint)
        default: self.init("\(error)", hint: hint)
        }
    }

    package var description: String { message }
}
