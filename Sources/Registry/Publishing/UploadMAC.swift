internal import Sealing
internal import Text

/// The message authentication codes of one upload's rows, under keys derived from its data key:
/// HMAC-SHA-256.
///
/// They bind what becomes part of a signed record to what was begun and sealed. Somebody who can
/// write the database alone cannot make them.
struct UploadMAC {
    private let uploadKey: MessageKey
    private let fileKey: MessageKey

    init(dataKey: SecretKey, bundleID: [UInt8]) throws(SealingError) {
        uploadKey = try MessageKey(from: dataKey, salt: bundleID, info: "strongroom/upload/v1")
        fileKey = try MessageKey(from: dataKey, salt: bundleID, info: "strongroom/upload-file/v1")
    }

    /// The code of an upload's row.
    func code(of upload: StoredUpload) throws(SealingError) -> [UInt8] {
        try uploadKey.code(of: upload.authenticated)
    }

    /// Whether an upload's row is the one that was begun.
    func holds(for upload: StoredUpload) throws(SealingError) -> Bool {
        try uploadKey.verifies(upload.mac, of: upload.authenticated)
    }

    /// The code of the row of a finished file.
    func code(of file: StoredFile, index: Int, upload: String) throws(SealingError) -> [UInt8] {
        try fileKey.code(of: file.authenticated(index: index, upload: upload))
    }

    /// Whether the row of a finished file is the one that was written when the file was sealed.
    func holds(
        for row: StoredFileRow,
        index: Int,
        upload: String
    ) throws(SealingError) -> Bool {
        try fileKey.verifies(row.mac, of: row.file.authenticated(index: index, upload: upload))
    }
}

extension StoredUpload {
    /// The bytes that the code is made of.
    ///
    /// The id of an upload is its bundle's. One that a server of format 1 began has another id,
    /// and states it: two rows cannot exchange their ids.
    fileprivate var authenticated: [UInt8] {
        var members: [ExactString: CanonicalValue] = [
            "bundle": .hex(bundleID), "files": BundleFile.canonical(files),
            "idempotency_key": .string(idempotencyKey),
            "metadata": .object(metadata.mapValues { .string($0.text) }), "model": .string(model),
            "principal": .string(principal), "server_id": .string(serverID),
        ]
        if ExactString(id) != ExactString(bundleID.column) { members["id"] = .string(id) }
        return CanonicalValue.object(members).encoded()
    }

    /// The error for a row that is not the one that was written.
    var altered: RegistryError {
        RegistryError(
            .dataLoss,
            "upload \(quoted(id)): its rows were altered since it was begun; abort it and begin "
                + "anew"
        )
    }
}

extension StoredFile {
    fileprivate func authenticated(index: Int, upload: String) -> [UInt8] {
        CanonicalValue.object([
            "commitment": .hex(commitment), "file_index": .integer(Int64(index)),
            "sealed_bytes": .integer(sealedBytes.column), "sealed_sha256": .hex(sealedSHA256),
            "sha256": .hex(sha256), "upload": .string(upload),
        ]).encoded()
    }
}
