internal import JSON
internal import Sealing

/// The tokens that continue a list of audit events: a sealed sequence.
///
/// The sequence after which a page begins may be that of an event that the caller may not see, so
/// a token hides it. It is bound to the registry, the caller and the filter of the list. Its key
/// comes from the registry's own data key: tokens outlive restarts, rotations and restores.
package struct AuditTokens: Sendable {
    private static let label = "strongroom/audit-page/v1"
    private static let payloadBytes = 8
    /// The characters of every token.
    package static let characters = (TokenSealer.overheadBytes + payloadBytes + 2) / 3 * 4

    private let registryID: [UInt8]
    private let sealer: TokenSealer

    init(registryID: [UInt8], key: SecretKey) {
        self.registryID = registryID
        sealer = TokenSealer(key: key, label: Self.label)
    }

    /// The token of the page that begins after an event.
    ///
    /// - Parameters:
    ///   - principal: The caller, who alone may use it.
    ///   - model: The list's filter; empty: all models.
    /// - Throws: `internalFailure` if the system gives no random bytes or no memory for a key.
    package func token(
        after sequence: UInt64,
        principal: String,
        model: String
    ) throws(RegistryError) -> String {
        do {
            let sealed = try sealer.seal(
                sequence.bigEndianBytes,
                boundTo: fields(principal, model)
            )
            return Base64.encode(sealed)
        } catch {
            throw RegistryError.sealing(error, "a page token cannot be made")
        }
    }

    /// The sequence of a token.
    ///
    /// - Throws: `invalidArgument` for a text that ``token(after:principal:model:)`` did not give
    ///   for these values.
    package func sequence(
        of token: String,
        principal: String,
        model: String
    ) throws(RegistryError) -> UInt64 {
        // The size first: a longer text is not decoded.
        guard token.utf8.count == Self.characters, let sealed = Base64.decode(token) else {
            throw Self.malformed
        }
        do {
            return try sealer.open(sealed, boundTo: fields(principal, model))
                .reduce(0) { $0 << 8 | UInt64($1) }
        } catch  where error.code == .authentication || error.code == .format {
            throw Self.malformed
        } catch {
            throw RegistryError.sealing(error, "a page token cannot be opened")
        }
    }

    private func fields(_ principal: String, _ model: String) -> [[UInt8]] {
        [registryID, Array(principal.utf8), Array(model.utf8)]
    }

    private static let malformed = RegistryError(
        .invalidArgument,
        "'page_token' is not one that this registry gave this caller for a list with the same "
            + "'model'"
    )
}
