internal import Glibc
internal import Sealing

extension StoreFolder {
    /// Removes all that is in a folder but the file `kept`; links are removed, not followed.
    static func empty(_ path: String, keeping kept: String? = nil) throws(RegistryError) {
        for name in try StoreFolder.system.names(in: path) where name != kept {
            let inner = path + "/" + name
            var status = stat()
            guard unsafe lstat(inner, &status) == 0 else { continue }
            if status.st_mode & S_IFMT == S_IFDIR {
                try empty(inner)
                guard unsafe rmdir(inner) == 0 else {
                    throw .system("remove", inner, FileCallError(errno: errno))
                }
            } else {
                try StoreFolder.system.remove(inner)
            }
        }
    }
}
