internal import COnnxRuntime
internal import Glibc
internal import Text

/// Compiled locales for models that ask for one by name.
///
/// The operator StringNormalizer constructs the locale of its attribute, by default `en_US.UTF-8`,
/// and exports of scikit-learn's text pipelines say `en_US`. Both are missing on many systems, and
/// the C library looks for them in the folders that the variable `LOCPATH` names.
package enum Locales {
    /// The C library's variable. Where it is set, it stays as it is.
    static let variable = "LOCPATH"
    /// The locales that `make install` compiles.
    static let names = ["en_US", "en_US.UTF-8"]
    /// The folder that holds them.
    private static let folderName = "locales"

    /// Sets the variable, if it is not set, the system lacks one of the locales, and a folder of
    /// this program has them. The C library then no longer looks into the system's own archive.
    ///
    /// To be called before other threads read the environment.
    static func provide() {
        guard unsafe getenv(variable) == nil, let executable = ProgramFolders.executable(),
            let folder = folder(
                executable: executable,
                systemHas: { unsafe locale_Exists($0) },
                isReadable: { unsafe access($0, R_OK) == 0 }
            )
        else { return }
        unsafe setenv(variable, folder, 1)
    }

    /// The most locales of the folders of ``variable`` that ``keepLoaded()`` loads.
    private static let mostOfFolders = 64

    /// Loads the locales that models may ask for, and never frees them: those of ``names``,
    /// `C.UTF-8`, those of the environment, and those in the folders of ``variable``. The C library
    /// opens no file for a locale that is loaded. For a process that is to open none later.
    ///
    /// - Returns: The names of those that this machine has.
    @discardableResult
    package static func keepLoaded() -> [String] {
        let environment = ["LC_ALL", "LANG"].compactMap(value)
        var wanted = names + ["C.UTF-8"]
        for name in environment + inFolders() where !wanted.contains(name) {
            wanted.append(name)
        }
        return wanted.filter { unsafe locale_Keep($0) }
    }

    /// The names of the locales in the folders of ``variable``, sorted: at most
    /// ``mostOfFolders``.
    private static func inFolders() -> [String] {
        let folders = value(of: variable)?.split(separator: ":") ?? []
        return Array(folders.flatMap { entries(of: String($0)) }.sorted().prefix(mostOfFolders))
    }

    private static func entries(of folder: String) -> [String] {
        guard let opened = unsafe opendir(folder) else { return [] }
        defer { unsafe closedir(opened) }
        var found: [String] = []
        while let entry = unsafe readdir(opened) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { bytes in
                unsafe bytes.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) {
                    unsafe String(cString: $0)
                }
            }
            if !name.hasPrefix(".") { found.append(name) }
        }
        return found
    }

    private static func value(of variable: String) -> String? {
        unsafe getenv(variable).map { unsafe String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The folder to be named, with what `provide()` asks the system for as parameters.
    static func folder(
        executable: String,
        systemHas: (String) -> Bool,
        isReadable: (String) -> Bool
    ) -> String? {
        guard !names.allSatisfy(systemHas) else { return nil }
        let own = ProgramFolders(executable: executable).all(tree: folderName)
        let folders = own.map { $0.hasSuffix("/" + folderName) ? $0 : "\($0)/\(folderName)" }
        return folders.first { folder in
            names.allSatisfy { isReadable("\(folder)/\($0)/LC_CTYPE") }
        }
    }
}

extension OnnxFailure {
    private static let locale = "Failed to construct locale with name:"
    private static let endOfLocale = ":locale::facet"

    /// The name of the locale that a model asks for and this machine lacks; nil if the failure is
    /// another one.
    private var missingLocale: String? {
        let bytes = Array(text.utf8)
        guard let start = bytes.firstRange(of: Self.locale.utf8)?.upperBound else { return nil }
        let rest = bytes[start...]
        let end = rest.firstRange(of: Self.endOfLocale.utf8)?.lowerBound ?? rest.endIndex
        return String(decoding: rest[..<end], as: UTF8.self)
    }

    /// The refusal of a model that asks for a locale which this machine lacks; nil if the failure
    /// is another one.
    var refusalOfLocale: EngineError? {
        guard let missingLocale else { return nil }
        return EngineError(
            .unsupported,
            "the model asks for the locale \(quoted(missingLocale)) (attribute locale of a "
                + "StringNormalizer), which the server's machine lacks: export the model with the "
                + "locale C.UTF-8, or have the locale installed",
            detail: text
        )
    }
}
