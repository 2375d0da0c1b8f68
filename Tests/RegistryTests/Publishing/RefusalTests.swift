import Registry
import Sealing
import Testing
import Text

@Suite("What a publisher is refused")
struct RefusalTests {
    private let home: TestHome
    private let registry: Registry

    init() throws {
        home = try TestHome()
        registry = try home.open()
    }

    private func begin(
        _ request: PublishRequest,
        as principal: String = "cert:ann"
    ) -> RegistryError.Code? {
        refusal { try registry.beginPublish(request, principal: principal) }
    }

    private func file(_ path: ExactString, _ size: UInt64 = 1) -> BundleFile {
        BundleFile(path: path, size: size, sha256: [UInt8](repeating: 0, count: 32))
    }

    private func request(
        model: String = "m",
        _ files: [BundleFile],
        metadata: [ExactString: ExactString] = [:],
        key: String = ""
    ) -> PublishRequest {
        PublishRequest(model: model, files: files, metadata: metadata, idempotencyKey: key)
    }

    @Test(
        "names that are no names",
        arguments: [
            "", "A", "-a", ".a", "_a", "a b", "a/b", "é", "123", "latest", "a\u{0}",
            String(repeating: "a", count: 65),
        ]
    )
    func badNames(name: String) throws {
        #expect(begin(request(model: name, [file("a.onnx")])) == .invalidArgument)
        _ = try registry.publishSmall()
        #expect(
            refusal {
                try registry.setAlias(
                    model: "sentiment",
                    alias: name,
                    version: 1,
                    principal: "cert:ann"
                )
            } == .invalidArgument
        )
    }

    @Test(
        "names at the limits are taken",
        arguments: ["a", "0a", "a.b_c-d", "1.0", String(repeating: "a", count: 64)]
    )
    func goodNames(name: String) {
        #expect(begin(request(model: name, [file("a.onnx")])) == nil)
    }

    @Test(
        "paths that could leave the bundle or confuse a terminal",
        arguments: [
            "", "/a", "a//b", "a/", "./a", "a/./b", "..", "a/../b", "a\\b", "a\nb", "a\u{7F}",
            "a\u{0}", "a\u{85}b", ExactString(String(repeating: "a", count: 513)),
        ]
    )
    func badPaths(path: ExactString) {
        #expect(begin(request([file("m.onnx"), file(path)])) == .invalidArgument)
    }

    @Test("a path of 512 bytes, dots in names and spaces are taken")
    func goodPaths() {
        let files: [ExactString] = [
            "m.onnx", "..a", "a..", "model.sig", "x y/ü",
            ExactString(String(repeating: "p", count: 512)),
        ]
        #expect(begin(request(files.map { file($0) })) == nil)
    }

    @Test("A path that another spells in another form is neither that path nor its folder")
    func spellings() {
        let (composed, decomposed): (ExactString, ExactString) = ("\u{F6}", "o\u{308}")
        #expect(begin(request([file("m.onnx"), file(composed), file(decomposed)])) == nil)
        #expect(begin(request([file("m.onnx"), file(composed), file("\(decomposed)/a")])) == nil)
        let same = request([file("m.onnx"), file(composed), file("\(composed)/a")])
        #expect(begin(same) == .invalidArgument)
    }

    @Test("a path twice, and a file that is another's folder")
    func conflicts() {
        #expect(begin(request([file("m.onnx"), file("a"), file("a")])) == .invalidArgument)
        #expect(begin(request([file("m.onnx"), file("a"), file("a/b")])) == .invalidArgument)
    }

    @Test("sizes, counts and digests past their limits")
    func limits() {
        let card = file("model.yaml", 10)
        #expect(begin(request([])) == .invalidArgument)
        #expect(begin(request([card, file("a", Limits.maxFileBytes)])) == nil)
        #expect(begin(request([card, file("a", Limits.maxFileBytes + 1)])) == .invalidArgument)
        #expect(begin(request([file("model.yaml", 64 << 10), file("a")])) == nil)
        #expect(begin(request([file("model.yaml", 64 << 10 | 1), file("a")])) == .invalidArgument)
        let many = (1..<Limits.maxBundleFiles).map { file("\($0)") }
        #expect(begin(request([card] + many)) == nil)
        #expect(begin(request([card, file("x")] + many)) == .invalidArgument)
        let short = BundleFile(path: "a", size: 1, sha256: [1, 2])
        #expect(begin(request([card, short])) == .invalidArgument)
    }

    @Test("all paths together past 1 MiB, and a record past 3 MiB")
    func totals() {
        let long = (0..<2_100).map { index in
            file("\(String(repeating: "p", count: 500))\(10_000 + index)")
        }
        #expect(begin(request([file("m.onnx")] + long.prefix(2_000))) == nil)
        #expect(begin(request([file("m.onnx")] + long)) == .invalidArgument)
        // Quotes double when they are encoded.
        let quoted = (0..<9_990).map { index in
            file("\(String(repeating: "\"", count: 60))\(10_000 + index)")
        }
        #expect(begin(request([file("m.onnx")] + quoted)) == .invalidArgument)
    }

    @Test("metadata and idempotency key at and past their limits")
    func metadata() {
        let pairs = Dictionary(
            uniqueKeysWithValues: (0..<65).map { ("k\($0)" as ExactString, "" as ExactString) }
        )
        var fewer = pairs
        fewer["k0"] = nil
        #expect(begin(request([file("m.onnx")], metadata: fewer)) == nil)
        #expect(begin(request([file("m.onnx")], metadata: pairs)) == .invalidArgument)
        let large: [ExactString: ExactString] = [
            "k": ExactString(String(repeating: "v", count: (16 << 10) - 1))
        ]
        #expect(begin(request([file("m.onnx")], metadata: large)) == nil)
        let larger: [ExactString: ExactString] = [
            "k": ExactString(String(repeating: "v", count: 16 << 10))
        ]
        #expect(begin(request([file("m.onnx")], metadata: larger)) == .invalidArgument)
        #expect(begin(request([file("m.onnx")], metadata: ["": "x"])) == .invalidArgument)
        let key = String(repeating: "k", count: 256)
        #expect(begin(request([file("m.onnx")], key: key)) == nil)
        #expect(begin(request([file("m.onnx")], key: key + "k")) == .invalidArgument)
    }

    @Test("a bundle without a card and without exactly one model file")
    func noCard() {
        #expect(begin(request([file("a.txt")])) == .invalidArgument)
        #expect(begin(request([file("a.onnx"), file("b.onnx")])) == .invalidArgument)
        #expect(begin(request([file("a.onnx"), file("b.onnx"), file("model.yaml")])) == nil)
    }

    @Test(
        "a card under another name, unless the bundle has one with the right name",
        arguments: ["model.yml", "MODEL.YAML", "model.yaml.txt", "Model.YML.Txt"]
    )
    func misnamedCard(name: String) throws {
        let error = #expect(throws: RegistryError.self) {
            try registry.beginPublish(
                request([file("m.onnx"), file(ExactString(name))]),
                principal: "cert:ann"
            )
        }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("'\(name)'") == true)
        #expect(error?.message.contains("'model.yaml'") == true)
        #expect(
            begin(request([file("m.onnx"), file(ExactString(name)), file("model.yaml")])) == nil
        )
        #expect(begin(request([file("m.onnx"), file(ExactString("docs/" + name))])) == nil)
        #expect(begin(request([file("m.onnx"), file(ExactString(name + ".onnx.md"))])) == nil)
    }

    @Test("the 17th upload at once, until one ends")
    func uploads() throws {
        let principals = ["cert:ann", "cert:bob"]
        var ids: [String] = []
        for index in 0..<Limits.maxUploads {
            ids.append(
                try registry.beginPublish(
                    request(model: "m\(index)", [file("a.onnx")]),
                    principal: principals[index % 2]
                ).uploadID
            )
        }
        let text = message {
            try registry.beginPublish(request([file("a.onnx")]), principal: "cert:eve")
        }
        #expect(text.hasPrefix("\(Limits.maxUploads) uploads are open"))
        #expect(begin(request([file("a.onnx")]), as: "cert:eve") == .resourceExhausted)
        try registry.abort(uploadID: ids[4], principal: "cert:ann")
        #expect(begin(request([file("a.onnx")]), as: "cert:eve") == nil)
    }

    @Test("more uploads of one principal than its share, until one ends", arguments: [1, 8, 16])
    func uploadsOfOne(limit: Int) throws {
        func begin(_ index: Int, as principal: String = "cert:ann") throws -> String {
            try registry.beginPublish(
                request(model: "m\(index)", [file("a.onnx")], key: "\(index)"),
                principal: principal,
                uploadsPerPrincipal: limit
            ).uploadID
        }
        let ids = try (0..<limit).map { try begin($0) }
        guard limit < Limits.maxUploads else {
            #expect(refusal { try begin(limit) } == .resourceExhausted)
            return
        }
        let text = message { try begin(limit) }
        #expect(text.contains("'cert:ann'") && text.contains("'limits.uploads_per_principal'"))
        #expect(text.hasPrefix("\(limit) uploads"))
        #expect(refusal { try begin(limit) } == .resourceExhausted)
        // An upload that is open already is found, and others have places of their own.
        #expect(try begin(0) == ids[0])
        _ = try begin(limit, as: "cert:bob")
        try registry.abort(uploadID: ids[0], principal: "cert:ann")
        _ = try begin(limit)
    }

    @Test("uploads count after a restart, until they were idle for long")
    func uploadsAfterRestart() throws {
        let home = try TestHome()
        func begin(_ model: String, in registry: Registry) -> RegistryError.Code? {
            refusal {
                try registry.beginPublish(
                    request(model: model, [file("a.onnx")]),
                    principal: "cert:ann"
                )
            }
        }
        do {
            let first = try home.open()
            for index in 0..<Limits.uploadsPerPrincipal {
                #expect(begin("m\(index)", in: first) == nil)
            }
        }
        let again = try home.open()
        #expect(begin("m", in: again) == .resourceExhausted)
        home.clock.advance(seconds: Limits.uploadIdleSeconds + 1)
        #expect(try again.dropIdleUploads() == Limits.uploadsPerPrincipal)
        #expect(begin("m", in: again) == nil)
    }

    @Test("chunks of a wrong length, ahead, of no file, of nobody's upload")
    func chunks() throws {
        let content = patterned(Limits.chunkBytes + 10)
        let bundle = TestBundle(content: content)
        let id = try registry.beginPublish(bundle.request, principal: "cert:ann").uploadID
        let first = Array(content[0..<Limits.chunkBytes])
        #expect(refusal { try registry.chunk(id, 1, Limits.chunkBytes, [0]) } == .outOfRange)
        #expect(refusal { try registry.chunk(id, 1, 5, [0]) } == .outOfRange)
        #expect(
            refusal { try registry.chunk(id, 1, 0, Array(first.dropLast())) } == .invalidArgument
        )
        #expect(refusal { try registry.chunk(id, 1, 0, first + [0]) } == .invalidArgument)
        #expect(refusal { try registry.chunk(id, 1, 0, []) } == .invalidArgument)
        #expect(refusal { try registry.chunk(id, 2, 0, [0]) } == .invalidArgument)
        #expect(refusal { try registry.chunk(id, -1, 0, [0]) } == .invalidArgument)
        #expect(refusal { try registry.chunk("nobody", 1, 0, first) } == .notFound)
        #expect(refusal { try registry.chunk(id, 1, 0, first, principal: "cert:bob") } == .notFound)
        #expect(try registry.chunk(id, 1, 0, first) == UInt64(Limits.chunkBytes))
        // Held already: acknowledged and dropped, whatever it is.
        #expect(try registry.chunk(id, 1, 0, [9]) == UInt64(Limits.chunkBytes))
        let last = Array(content[Limits.chunkBytes...])
        #expect(
            refusal { try registry.chunk(id, 1, Limits.chunkBytes, last + [0]) } == .invalidArgument
        )
        #expect(
            refusal { try registry.chunk(id, 1, Limits.chunkBytes, Array(last.dropLast())) }
                == .invalidArgument
        )
        #expect(try registry.chunk(id, 1, Limits.chunkBytes, last) == UInt64(content.count))
        #expect(refusal { try registry.chunk(id, 1, content.count, [0]) } == .invalidArgument)
        #expect(try registry.chunk(id, 1, content.count, []) == UInt64(content.count))
        #expect(refusal { try registry.chunk(id, 1, content.count + 1, []) } == .outOfRange)
    }

    @Test("another principal's upload is as if it were not there")
    func foreignUpload() throws {
        let id = try registry.beginPublish(
            TestBundle(content: [1]).request,
            principal: "cert:ann"
        ).uploadID
        #expect(try registry.uploadModel(uploadID: id, principal: "cert:ann") == "sentiment")
        let bob = "cert:bob"
        #expect(refusal { try registry.uploadModel(uploadID: id, principal: bob) } == .notFound)
        #expect(refusal { try registry.uploadStatus(uploadID: id, principal: bob) } == .notFound)
        #expect(refusal { try registry.abort(uploadID: id, principal: bob) } == .notFound)
        #expect(
            refusal { try registry.commit(uploadID: id, alias: nil, principal: bob) } == .notFound
        )
    }

    @Test("a commit before all bytes are there")
    func early() throws {
        let bundle = TestBundle(content: [1, 2])
        let id = try registry.beginPublish(bundle.request, principal: "cert:ann").uploadID
        #expect(
            refusal { try registry.commit(uploadID: id, alias: nil, principal: "cert:ann") }
                == .failedPrecondition
        )
        try bundle.send(id, to: registry)
        #expect(try registry.commit(uploadID: id, alias: nil, principal: "cert:ann").move == nil)
    }

    @Test("a file whose digest is not the declared one makes no version, and can be sent again")
    func wrongDigest() throws {
        let bundle = TestBundle(content: [1, 2, 3])
        let id = try registry.beginPublish(bundle.request, principal: "cert:ann").uploadID
        try registry.chunk(id, 0, 0, bundle.files[0].content)
        try registry.chunk(id, 1, 0, [1, 2, 4])
        #expect(
            refusal { try registry.commit(uploadID: id, alias: nil, principal: "cert:ann") }
                == .dataLoss
        )
        #expect(try !registry.modelExists("sentiment"))
        #expect(
            try registry.uploadStatus(uploadID: id, principal: "cert:ann").nextOffsets[1] == 0
        )
        try bundle.send(id, to: registry)
        let version = try registry.commit(uploadID: id, alias: nil, principal: "cert:ann").version
        #expect(version.version == 1)
    }

    @Test("a card that is refused makes no version, and ends the upload")
    func badCard() throws {
        var bundle = TestBundle(content: [1])
        bundle.files[0].content = Array("format: 1\nengine: onnxruntime\nentry: no.onnx\n".utf8)
        let text = message { try registry.publish(bundle) }
        #expect(text.hasPrefix("model.yaml:3: entry: "))
        #expect(refusal { try registry.publish(bundle) } == .invalidArgument)
        #expect(try !registry.modelExists("sentiment"))
        // Nothing is left open: 16 more can begin.
        for index in 0..<Limits.maxUploads {
            let principal = index % 2 == 0 ? "cert:ann" : "cert:bob"
            #expect(begin(request(model: "m\(index)", [file("a.onnx")]), as: principal) == nil)
        }
    }

    @Test("reading past a file's end, too much at once, or no file at all")
    func reads() throws {
        _ = try registry.publish(TestBundle(content: [1, 2, 3]))
        func read(_ path: ExactString, _ offset: UInt64, _ length: Int) -> RegistryError.Code? {
            refusal {
                try registry.readFile(
                    model: "sentiment",
                    version: 1,
                    path: path,
                    offset: offset,
                    length: length
                )
            }
        }
        #expect(read("model.onnx", 3, 1) == nil)
        #expect(read("model.onnx", 4, 1) == .outOfRange)
        #expect(read("model.onnx", 0, Limits.maxReadBytes + 1) == .invalidArgument)
        #expect(read("model.onnx", 0, -1) == .invalidArgument)
        #expect(read("other", 0, 1) == .notFound)
        let opened = try registry.open(model: "sentiment", version: 1)
        #expect(refusal { try opened.read("other") } == .notFound)
    }
}
