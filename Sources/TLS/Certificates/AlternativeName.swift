internal import COpenSSL

/// One alternative name of a subject, for a certificate that is to be made.
enum AlternativeName: Equatable {
    case dns(String)
    case ipAddress([UInt8])
    case uri(String)

    /// - Throws: `certificate` for what is neither a DNS name nor an IP address.
    init(host: String) throws(TLSError) {
        if let bytes = IPAddressText.bytes(of: host) {
            self = .ipAddress(bytes)
            return
        }
        let labels = host.utf8.split(
            separator: UInt8(ascii: "."),
            omittingEmptySubsequences: false
        )
        let isName =
            host.utf8.count <= TLSLimits.maxNameBytes
            && labels.allSatisfy { label in
                (1...63).contains(label.count) && label.first != UInt8(ascii: "-")
                    && label.last != UInt8(ascii: "-") && label.allSatisfy(Self.isLabelByte)
            }
        guard isName else {
            throw TLSError(
                .certificate,
                "host \"\(host)\"; expected a DNS name or an IP address"
            )
        }
        self = .dns(host.lowercased())
    }

    private static func isLabelByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

extension AlternativeName {
    /// The name as OpenSSL's structure, owned by the caller.
    func makeGeneralName() throws(TLSError) -> UnsafeMutablePointer<GENERAL_NAME> {
        let kind: Int32
        let bytes: [UInt8]
        switch self {
        case .dns(let name): (kind, bytes) = (GEN_DNS, Array(name.utf8))
        case .ipAddress(let address): (kind, bytes) = (GEN_IPADD, address)
        case .uri(let text): (kind, bytes) = (GEN_URI, Array(text.utf8))
        }
        let type = kind == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING
        guard let name = unsafe GENERAL_NAME_new() else {
            throw TLSError(.internalFailure, "no memory for an alternative name")
        }
        guard let value = unsafe ASN1_STRING_type_new(type),
            unsafe ASN1_STRING_set(value, bytes, Int32(bytes.count)) == 1
        else {
            unsafe GENERAL_NAME_free(name)
            throw TLSError(.internalFailure, "no memory for an alternative name")
        }
        // The name owns the value from here.
        unsafe GENERAL_NAME_set0_value(name, kind, value)
        return unsafe name
    }
}
