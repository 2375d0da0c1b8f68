internal import ArgumentParser
internal import Glibc
internal import Server

/// Where the home is.
struct HomeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The home folder (default: $STRONGROOM_HOME, else ~/.strongroom).",
            valueName: "dir"
        )
    )
    var home: String?

    func validate() throws {
        if home == "" { throw ValidationError("--home is empty, expected a folder") }
    }

    var value: Home {
        Home(path: Self.absolute(home ?? Environment["STRONGROOM_HOME"] ?? "~/.strongroom"))
    }

    /// A path that means the same wherever the process goes.
    static func absolute(_ path: String) -> String {
        var path = path
        if path == "~" || path.hasPrefix("~/") {
            path = (Environment["HOME"] ?? "") + path.dropFirst()
        }
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        guard !path.hasPrefix("/") else { return path }
        guard let folder = unsafe getcwd(nil, 0) else { return path }
        defer { unsafe free(folder) }
        return "\(unsafe String(cString: folder))/\(path)"
    }
}

/// The process's environment.
enum Environment {
    static subscript(name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        let text = unsafe String(cString: value)
        return text.isEmpty ? nil : text
    }

    /// All variables.
    static var all: [String: String] {
        var variables: [String: String] = [:]
        var entry = unsafe environ
        while let text = unsafe entry.pointee {
            let parts = unsafe String(cString: text).split(separator: "=", maxSplits: 1)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
            unsafe entry += 1
        }
        return variables
    }
}
