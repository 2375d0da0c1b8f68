internal import JSON
internal import Text

/// The outside of a signature: a Sigstore bundle with one DSSE envelope that one key signed. None
/// of it is trusted: it says where the signed bytes are, and which key to try.
struct SignatureEnvelope {
    private static let mediaType: ExactString = "application/vnd.dev.sigstore.bundle.v0.3+json"
    private static let payloadType: ExactString = "application/vnd.in-toto+json"
    /// JSON values of an envelope; one that holds has 13.
    static let maxValues = 64

    /// The SHA-256 of the key's PEM text in lower-case hex, as the signer states it.
    let hint: String
    /// What is signed: an in-toto statement.
    let payload: [UInt8]
    /// ECDSA in DER.
    let signature: [UInt8]

    /// Reads a signature file.
    ///
    /// - Throws: `invalidArgument` that says which member is not as it has to be.
    init(parsing bytes: [UInt8]) throws(RegistryError) {
        let document: JSONValue
        do {
            document = try JSONValue(parsing: bytes, maxValues: Self.maxValues)
        } catch {
            throw SignatureFields.refusal("not JSON: \(quoted("\(error)"))")
        }
        var fields = try SignatureFields(document, place: "")
        try fields.constant("mediaType", Self.mediaType)
        hint = try Self.hint(try fields.object("verificationMaterial"))
        var envelope = try fields.object("dsseEnvelope")
        try fields.finish()
        try envelope.constant("payloadType", Self.payloadType)
        payload = try Self.base64(try envelope.string("payload"), "dsseEnvelope.payload")
        var signed = try envelope.onlyObject("signatures")
        try envelope.finish()
        signature = try Self.base64(try signed.string("sig"), "dsseEnvelope.signatures[0].sig")
        if let keyID = signed.take("keyid"), keyID != .string("") {
            throw SignatureFields.refusal("'dsseEnvelope.signatures[0].keyid' is not empty")
        }
        try signed.finish()
    }

    /// The bytes under the signature: the payload behind its type and both lengths, DSSE's
    /// pre-authentication encoding.
    var signedBytes: [UInt8] {
        let type = Self.payloadType
        return Array("DSSEv1 \(type.utf8.count) \(type) \(payload.count) ".utf8) + payload
    }

    /// Log entries are refused and not passed over: nothing here checks them, and whoever reads
    /// the file would take them for checked.
    private static func hint(_ fields: SignatureFields) throws(RegistryError) -> String {
        var fields = fields
        let certificates: [ExactString] = ["certificate", "x509CertificateChain"]
        for name in certificates where fields.take(name) != nil {
            throw SignatureFields.refusal("signed with a certificate, expected a key")
        }
        var key = try fields.object("publicKey")
        let hint = try key.string("hint")
        try key.finish()
        if let entries = fields.take("tlogEntries"), entries != .array([]) {
            throw SignatureFields.refusal(
                "'verificationMaterial.tlogEntries' is not empty: entries of a transparency log "
                    + "are not checked here"
            )
        }
        try fields.finish()
        return hint
    }

    private static func base64(_ text: String, _ place: String) throws(RegistryError) -> [UInt8] {
        guard let bytes = Base64.decode(text) else {
            throw SignatureFields.refusal("\(quoted(place)) is not padded base64")
        }
        return bytes
    }
}
