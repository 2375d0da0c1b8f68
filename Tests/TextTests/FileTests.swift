import Testing
import Text

@Suite("Files that people write")
struct FileTests {
    @Test("one byte order mark at the beginning is removed, and nothing else")
    func byteOrderMark() {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        #expect(ByteOrderMark.removed(from: mark + [1]) == [1])
        #expect(ByteOrderMark.removed(from: mark + mark) == mark)
        #expect(ByteOrderMark.removed(from: mark) == [])
        for bytes: [UInt8] in [[], [0xEF], [0xEF, 0xBB], [1] + mark, [0xFF, 0xFE]] {
            #expect(ByteOrderMark.removed(from: bytes) == bytes)
        }
    }

    @Test(
        "names that mean the card are found",
        arguments: [
            "model.yml", "MODEL.YAML", "Model.yaml", "model.yaml.txt", "MODEL.YML.TXT",
        ] as [ExactString]
    )
    func mistaken(name: ExactString) {
        #expect(CardFileName.mistaken(among: ["a", name]) == name)
        #expect(CardFileName.mistaken(among: [name, "model.yaml"]) == nil)
        #expect(CardFileName.refusal(of: name).contains("'model.yaml'"))
    }

    @Test(
        "other names are files like any other",
        arguments: [
            "model.yaml", "model.yaml.bak", "docs/model.yml", "model.txt", "my-model.yml",
            "model.yaml.txt.txt", "ｍodel.yaml", "model.yaml/",
        ] as [ExactString]
    )
    func others(name: ExactString) {
        #expect(CardFileName.mistaken(among: [name]) == nil)
    }
}
