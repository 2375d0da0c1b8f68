package import Text

/// Where a blob belongs: a blob sealed for one place does not open at another.
///
/// The bundle id is drawn when an upload begins, before the version number is known; the signed
/// version record binds it to the version.
package struct BlobContext: Sendable, Equatable {
    /// The registry's id, 16 bytes.
    package let registryID: [UInt8]
    /// The model's name.
    package let model: String
    /// The bundle's id, 16 bytes.
    package let bundleID: [UInt8]
    /// The path of the file inside its bundle.
    package let path: ExactString

    /// The context of one file of one bundle.
    package init(registryID: [UInt8], model: String, bundleID: [UInt8], path: ExactString) {
        self.registryID = registryID
        self.model = model
        self.bundleID = bundleID
        self.path = path
    }

    /// SHA-256 over the format's label and the four fields, each with a 4-byte length before it.
    package var hash: [UInt8] {
        var fields = FieldBytes()
        fields.append(BlobHeader.label)
        fields.append(registryID)
        fields.append(model)
        fields.append(bundleID)
        fields.append(path.text)
        return Digest.sha256(fields.bytes)
    }
}
