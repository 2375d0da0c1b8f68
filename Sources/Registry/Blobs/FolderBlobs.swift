internal import Sealing

/// Finished blobs in a folder, for reading alone.
struct FolderBlobs: BlobSource {
    let folder: String
    let files: any FileCalls

    func open(_ digest: [UInt8]) throws -> any BlobReader {
        let path = BlobFolders.path(of: digest, in: folder)
        guard let file = try StoreFile.reading(path, files) else {
            throw RegistryError(
                .dataLoss,
                "a stored file is missing",
                detail: "\(path) is not there"
            )
        }
        return try FolderBlobReader(file)
    }
}
