internal import Platform
package import Registry
internal import Sealing

/// `strongroom backup`: all of a home that is no secret, in another folder.
package struct HomeBackup: Sendable {
    private let home: Home
    private let keysFolder: String

    /// - Parameter keys: where keys come from, as for `init --keys`; none is opened.
    package init(home: Home, keys: String?) throws(ServerError) {
        self.home = home
        keysFolder = try HomeKeys.folder(home, source: keys)
    }

    /// Makes or renews the backup in `folder`. No server is needed, and none is in the way.
    /// - Parameter progress: called with the bytes that are done, and all bytes.
    /// - Throws: ``ServerError``; the backup from before is as it was.
    package func run(
        to folder: String,
        _ options: RegistryBackup.Options,
        progress: (UInt64, UInt64) -> Void
    ) throws(ServerError) -> RegistryBackup.Report {
        do {
            let backup = RegistryBackup(
                of: RegistryLayout(store: home.store, sequencePath: keysFolder + "/sequence"),
                to: folder,
                publicKey: try SigningKeyFile.publicKey(folder: keysFolder)
            )
            let report = try backup.run(options, progress: progress)
            let copy = Home(path: folder)
            for (from, to) in [
                (home.configuration, copy.configuration), (home.access, copy.access),
            ] where Files.exists(from) {
                try Files.write(to, try TrustedFile(from, .strict).bytes)
            }
            return report
        } catch let error as RegistryError where error.code == .dataLoss {
            throw ServerError(
                error.description,
                hint: "the backup from before is as it was; without a deleted version the rest "
                    + "can be backed up: strongroom delete MODEL VERSION"
            )
        } catch {
            throw ServerError(of: error)
        }
    }
}
