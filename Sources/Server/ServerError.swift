/// Why a command or the server could not do its work: for the operator, on one line.
package struct ServerError: Error, CustomStringConvertible {
    package let message: String
    /// What to do about it; nil where nothing helps that the message does not say.
    package let hint: String?

    package init(_ message: String, hint: String? = nil) {
        self.message = message
        self.hint = hint
    }

    package var description: String { message }
}
