import Foundation
import Testing

@testable import Engine

@Suite("The library of ONNX Runtime")
struct OnnxLibraryTests {
    @Test("it says its version")
    func version() throws {
        let engine = try Fixtures.engine()
        #expect(engine.name == "onnxruntime")
        #expect(engine.version.hasPrefix("1."))
    }

    @Test("a missing file is named in the detail, and not in the message")
    func missing() throws {
        let error = try engineError { _ = try OnnxRuntime(libraryPath: "/nowhere/lib.so") }
        #expect(error.code == .unavailable)
        #expect(error.message == "ONNX Runtime's library is missing")
        #expect(error.detail.contains("/nowhere/lib.so"))
    }

    @Test("a file that is no library, or another one, is refused")
    func foreign() async {
        // In a process of its own, because one that has the right library refuses all others.
        await #expect(processExitsWith: .success) {
            let text = try engineError { _ = try OnnxRuntime(libraryPath: #filePath) }
            #expect(text.code == .unavailable)
            let libc = try engineError {
                _ = try OnnxRuntime(libraryPath: "/lib/x86_64-linux-gnu/libm.so.6")
            }
            #expect(libc.code == .unavailable)
            #expect(libc.message.contains("is not ONNX Runtime"))
            _ = try Fixtures.engine()
        }
    }

    @Test("a second library is refused while one is in use")
    func second() throws {
        _ = try Fixtures.engine()
        let error = try engineError { _ = try OnnxRuntime(libraryPath: #filePath) }
        #expect(error.code == .unavailable)
        #expect(error.message.contains("another ONNX Runtime is in use"))
    }

    @Test("the variable decides alone")
    func searchByVariable() throws {
        let path = try OnnxLibrarySearch.find(
            named: "/a/lib.so",
            executable: "/b/bin/strongroom",
            isReadable: { _ in true }
        )
        #expect(path == "/a/lib.so")
    }

    @Test(
        "without it the library is looked for around the executable",
        arguments: [
            ("/opt/s/bin/strongroom", "/opt/s/bin/libonnxruntime.so.1.32.0"),
            ("/opt/s/bin/strongroom", "/opt/s/bin/../lib/strongroom/libonnxruntime.so"),
            (
                "/src/.build/x86_64/debug/strongroom",
                "/src/.deps/onnxruntime/lib/libonnxruntime.so.1.32.0"
            ),
        ]
    )
    func searchByExecutable(executable: String, library: String) throws {
        let path = try OnnxLibrarySearch.find(
            named: nil,
            executable: executable,
            isReadable: { $0 == library }
        )
        #expect(path == library)
    }

    @Test("a search without a find says where it looked")
    func searchInVain() throws {
        let error = try engineError {
            _ = try OnnxLibrarySearch.find(
                named: "",
                executable: "/opt/s/bin/strongroom",
                isReadable: { _ in false }
            )
        }
        #expect(error.code == .unavailable)
        #expect(error.message.contains("STRONGROOM_ONNXRUNTIME"))
        #expect(error.detail.contains("/opt/s/bin/libonnxruntime.so"))
        #expect(!error.detail.contains(".deps"))
    }

    @Test("locales of the program are named where the system lacks one of them, and all are there")
    func locales() {
        func folder(_ executable: String, system: [String], files: Set<String>) -> String? {
            Locales.folder(
                executable: executable,
                systemHas: system.contains,
                isReadable: files.contains
            )
        }
        func files(in folder: String) -> Set<String> {
            Set(Locales.names.map { "\(folder)/\($0)/LC_CTYPE" })
        }
        let tree = files(in: "/t/.deps/locales")
        #expect(folder("/t/.build/debug/s", system: [], files: tree) == "/t/.deps/locales")
        #expect(
            folder("/t/.build/debug/s", system: ["en_US.UTF-8"], files: tree) == "/t/.deps/locales"
        )
        #expect(folder("/t/.build/debug/s", system: Locales.names, files: tree) == nil)
        #expect(folder("/t/.build/debug/s", system: [], files: Set(tree.dropFirst())) == nil)
        #expect(folder("/t/bin/s", system: [], files: tree) == nil)
        for place in ["/usr/bin/locales", "/usr/bin/../lib/strongroom/locales"] {
            #expect(folder("/usr/bin/s", system: [], files: files(in: place)) == place)
        }
    }

    @Test("the locales that are kept are those that the machine has, each once")
    func keptLocales() {
        let kept = Locales.keepLoaded()
        #expect(kept.contains("C.UTF-8"))
        #expect(Set(kept).count == kept.count)
        #expect(Locales.keepLoaded() == kept)
    }
}
