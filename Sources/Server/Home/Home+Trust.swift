internal import Platform

extension Home {
    /// The folders and files of the home that its trust rests on, besides the registry's and
    /// those of the keys.
    var judgedPaths: [JudgedPath] {
        let folders = [path, tls, clients]
        let files = [configuration, access, authority, serverCertificate, revocationList]
        let clientFiles = Files.names(in: clients).map { name in
            JudgedPath("\(clients)/\(name)", name.hasSuffix("-key.pem") ? .key : .trusted)
        }
        return folders.map { JudgedPath($0, .folder) } + files.map { JudgedPath($0, .trusted) }
            + [authorityKey, serverKey].map { JudgedPath($0, .key) } + clientFiles
    }

    /// Refuses a home whose folders or files others may write, or whose keys others may read.
    ///
    /// - Throws: ``ServerError`` that names the file, its mode and the one expected.
    func checkAccess(_ trust: HomeTrust) throws(ServerError) {
        try Self.check(judgedPaths, trust)
    }

    /// Refuses the folders that the certificates lie in; their files are judged when they are read.
    func checkCertificateFolders(_ trust: HomeTrust) throws(ServerError) {
        try Self.check([JudgedPath(path, .folder), JudgedPath(tls, .folder)], trust)
    }

    private static func check(
        _ paths: [JudgedPath],
        _ trust: HomeTrust
    ) throws(ServerError) {
        for judged in paths {
            do {
                try trust.rules.check(judged)
            } catch {
                throw ServerError(error)
            }
        }
    }
}
