/// A wrapped key as a file: a title and one field a line, in this order.
///
///     strongroom/wrapped-key/v1
///     kek 0123456789abcdef
///     algorithm AES-256-GCM/HKDF-SHA-256
///     salt <hex>
///     nonce <hex>
///     key <hex>
///     tag <hex>
extension WrappedKey {
    private static let title = "strongroom/wrapped-key/v1"

    /// The text of the file, with its final newline.
    var text: String {
        """
        \(Self.title)
        kek \(kekID)
        algorithm \(algorithm)
        salt \(Hex.encode(salt))
        nonce \(Hex.encode(nonce))
        key \(Hex.encode(ciphertext))
        tag \(Hex.encode(tag))

        """
    }

    /// Reads the text of a file.
    ///
    /// - Throws: `format`, naming the line and what was expected there.
    init(text: String) throws(SealingError) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.count == 8, lines[0] == Self.title, lines[7].isEmpty else {
            throw SealingError(
                .format,
                "not a wrapped key: expected \(Self.title) and 6 lines after it"
            )
        }
        func value(_ line: Int, _ name: String) throws(SealingError) -> String {
            guard lines[line].hasPrefix("\(name) ") else {
                throw SealingError(
                    .format,
                    "line \(line + 1) of a wrapped key: expected `\(name) ...`"
                )
            }
            return String(lines[line].dropFirst(name.count + 1))
        }
        func bytes(_ line: Int, _ name: String) throws(SealingError) -> [UInt8] {
            guard let bytes = Hex.decode(try value(line, name)) else {
                throw SealingError(
                    .format,
                    "line \(line + 1) of a wrapped key: expected lower-case hex"
                )
            }
            return bytes
        }
        self.init(
            kekID: try value(1, "kek"),
            algorithm: try value(2, "algorithm"),
            salt: try bytes(3, "salt"),
            nonce: try bytes(4, "nonce"),
            ciphertext: try bytes(5, "key"),
            tag: try bytes(6, "tag")
        )
    }
}
