/// How a call failed, as it travels to the caller: a code, safe text, and typed details.
///
/// The text is read by callers: it never holds a path, a query, a key identifier or the text of
/// a C library.
package struct Status: Error, Sendable, Equatable {
    package var code: StatusCode
    package var message: String
    /// Machine-readable reasons, for clients that know their types; others ignore them.
    package var details: [StatusDetail]

    package init(_ code: StatusCode, _ message: String, details: [StatusDetail] = []) {
        self.code = code
        self.message = message
        self.details = details
    }
}

extension Status: CustomStringConvertible {
    package var description: String { "\(code.name): \(message)" }
}

/// One typed detail of a ``Status``: the shape of `google.protobuf.Any`.
package struct StatusDetail: Sendable, Equatable {
    /// Names the type of ``value``, for instance `type.googleapis.com/strongroom.v1.Limit`.
    package var typeURL: String
    /// The message, encoded.
    package var value: [UInt8]

    package init(typeURL: String, value: [UInt8]) {
        self.typeURL = typeURL
        self.value = value
    }
}
