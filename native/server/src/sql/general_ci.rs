//! The weights by which `utf8mb4_general_ci` and `latin1_swedish_ci` compare characters.
//!
//! The tables are complete, because weights are in indexes on disk: a new version of Unicode must not change them.

use std::sync::LazyLock;

/// Letters, and others that have the same weight, beside those of [`SMALL`] and [`ALPHABETS`]. Source: MariaDB's `WEIGHT_STRING`.
#[rustfmt::skip]
const SAME: &[(char, &str)] = &[
    ('A', "ÀÁÂÃÄÅàáâãäåĀāĂăĄąǍǎǞǟǠǡǺǻȀȁȂȃȦȧḀḁẠạẢảẤấẦầẨẩẪẫẬậẮắẰằẲẳẴẵẶặ"),
    ('B', "ḂḃḄḅḆḇ"),
    ('C', "ÇçĆćĈĉĊċČčḈḉ"),
    ('D', "ĎďḊḋḌḍḎḏḐḑḒḓ"),
    ('E', "ÈÉÊËèéêëĒēĔĕĖėĘęĚěȄȅȆȇȨȩḔḕḖḗḘḙḚḛḜḝẸẹẺẻẼẽẾếỀềỂểỄễỆệ"),
    ('F', "Ḟḟ"),
    ('G', "ĜĝĞğĠġĢģǦǧǴǵḠḡ"),
    ('H', "ĤĥȞȟḢḣḤḥḦḧḨḩḪḫẖ"),
    ('I', "ÌÍÎÏìíîïĨĩĪīĬĭĮįİǏǐȈȉȊȋḬḭḮḯỈỉỊị"),
    ('J', "Ĵĵǰ"),
    ('K', "ĶķǨǩḰḱḲḳḴḵ"),
    ('L', "ĹĺĻļĽľḶḷḸḹḺḻḼḽ"),
    ('M', "ḾḿṀṁṂṃ"),
    ('N', "ÑñŃńŅņŇňǸǹṄṅṆṇṈṉṊṋ"),
    ('O', "ÒÓÔÕÖòóôõöŌōŎŏŐőƠơǑǒǪǫǬǭȌȍȎȏȪȫȬȭȮȯȰȱṌṍṎṏṐṑṒṓỌọỎỏỐốỒồỔổỖỗỘộỚớỜờỞởỠỡỢợ"),
    ('P', "ṔṕṖṗ"),
    ('R', "ŔŕŖŗŘřȐȑȒȓṘṙṚṛṜṝṞṟ"),
    ('S', "ßŚśŜŝŞşŠšȘșṠṡṢṣṤṥṦṧṨṩẛ"),
    ('T', "ŢţŤťȚțṪṫṬṭṮṯṰṱẗ"),
    ('U', "ÙÚÛÜùúûüŨũŪūŬŭŮůŰűŲųƯưǓǔǕǖǗǘǙǚǛǜȔȕȖȗṲṳṴṵṶṷṸṹṺṻỤụỦủỨứỪừỬửỮữỰự"),
    ('V', "ṼṽṾṿ"),
    ('W', "ŴŵẀẁẂẃẄẅẆẇẈẉẘ"),
    ('X', "ẊẋẌẍ"),
    ('Y', "ÝýÿŶŷŸȲȳẎẏẙỲỳỴỵỶỷỸỹ"),
    ('Z', "ŹźŻżŽžẐẑẒẓẔẕ"),
    ('Æ', "ǢǣǼǽ"),
    ('Ø', "Ǿǿ"),
    ('Ʒ', "Ǯǯ"),
    ('Α', "ΆάἀἁἂἃἄἅἆἇἈἉἊἋἌἍἎἏὰᾀᾁᾂᾃᾄᾅᾆᾇᾈᾉᾊᾋᾌᾍᾎᾏᾰᾱᾲᾳᾴᾶᾷᾸᾹᾺᾼ"),
    ('Ε', "ΈέἐἑἒἓἔἕἘἙἚἛἜἝὲῈ"),
    ('Η', "ΉήἠἡἢἣἤἥἦἧἨἩἪἫἬἭἮἯὴᾐᾑᾒᾓᾔᾕᾖᾗᾘᾙᾚᾛᾜᾝᾞᾟῂῃῄῆῇῊῌ"),
    ('Ι', "ΊΐΪίϊἰἱἲἳἴἵἶἷἸἹἺἻἼἽἾἿὶῐῑῒῖῗῘῙῚ"),
    ('Ο', "ΌόὀὁὂὃὄὅὈὉὊὋὌὍὸῸ"),
    ('Υ', "ΎΫΰϋύὐὑὒὓὔὕὖὗὙὛὝὟὺῠῡῢῦῧῨῩῪ"),
    ('Ω', "ΏώὠὡὢὣὤὥὦὧὨὩὪὫὬὭὮὯὼᾠᾡᾢᾣᾤᾥᾦᾧᾨᾩᾪᾫᾬᾭᾮᾯῲῳῴῶῷῺῼ"),
    ('Ρ', "ῤῥῬ"),
    ('Σ', "ϲ"),
    ('ϒ', "ϓϔ"),
    ('Е', "ЀЁѐёӖӗ"),
    ('Г', "Ѓѓ"),
    ('І', "Її"),
    ('К', "Ќќ"),
    ('И', "ЍѝӢӣӤӥ"),
    ('У', "ЎўӮӯӰӱӲӳ"),
    ('А', "ӐӑӒӓ"),
    ('Ж', "ӁӂӜӝ"),
    ('З', "Ӟӟ"),
    ('О', "Ӧӧ"),
    ('Ч', "Ӵӵ"),
    ('Ы', "Ӹӹ"),
    ('Э', "Ӭӭ"),
    ('Ѵ', "Ѷѷ"),
    ('Ә', "Ӛӛ"),
    ('Ө', "Ӫӫ"),
];

/// Small letters, and in [`CAPITAL`] the letters that have the same weight.
const SMALL: &str = "µæðøþđħıĳŀłŋœŧſƃƅƈƌƒƕƙƣƥƨƭƴƶƹƽƿǅǆǈǉǋǌǝǥǲǳȝȣȥɓɔɖɗəɛɠɣɨɩɯɲɵʀʃʈʊʋʒ\u{345}ςϐϑϕϖϰϱѕљћџӄӈӌӕәӡө\u{1f71}\u{1f73}\u{1f75}\u{1f77}\u{1f79}\u{1f7b}\u{1f7d}\u{1fbe}";
const CAPITAL: &str = "ΜÆÐØÞĐĦIĲĿŁŊŒŦSƂƄƇƋƑǶƘƢƤƧƬƳƵƸƼǷǄǄǇǇǊǊƎǤǱǱȜȢȤƁƆƉƊƏƐƓƔƗƖƜƝƟƦƩƮƱƲƷΙΣΒΘΦΠΚΡЅЉЋЏӃӇӋӔӘӠӨ\u{1fbb}\u{1fc9}\u{1fcb}\u{1fdb}\u{1ff9}\u{1feb}\u{1ffb}Ι";

/// The first and the last of a row of small letters, their distance, and the capital of the first.
const ALPHABETS: [(char, char, usize, char); 13] = [
    ('\u{61}', '\u{7a}', 1, '\u{41}'),
    ('\u{3b1}', '\u{3c1}', 1, '\u{391}'),
    ('\u{3c3}', '\u{3c9}', 1, '\u{3a3}'),
    ('\u{3db}', '\u{3ef}', 2, '\u{3da}'),
    ('\u{430}', '\u{44f}', 1, '\u{410}'),
    ('\u{452}', '\u{45a}', 2, '\u{402}'),
    ('\u{461}', '\u{475}', 2, '\u{460}'),
    ('\u{479}', '\u{481}', 2, '\u{478}'),
    ('\u{48d}', '\u{4bf}', 2, '\u{48c}'),
    ('\u{561}', '\u{586}', 1, '\u{531}'),
    ('\u{2170}', '\u{217f}', 1, '\u{2160}'),
    ('\u{24d0}', '\u{24e9}', 1, '\u{24b6}'),
    ('\u{ff41}', '\u{ff5a}', 1, '\u{ff21}'),
];

/// The letters of Windows-1252, and those that have the same weight in `latin1_swedish_ci`, beside their case in ASCII.
const SWEDISH: [(char, &str); 14] = [
    ('A', "ÀÁÂÃàáâã"),
    ('C', "Çç"),
    ('D', "Ðð"),
    ('E', "ÈÉÊËèéêë"),
    ('I', "ÌÍÎÏìíîï"),
    ('N', "Ññ"),
    ('O', "ÒÓÔÕòóôõ"),
    ('U', "ÙÚÛùúû"),
    ('Y', "ÜÝüý"),
    ('[', "Åå"),
    ('\\', "ÄÆäæ"),
    (']', "Öö"),
    ('Ø', "ø"),
    ('Þ', "þ"),
];

/// The weights of the characters up to U+FFFF.
static WEIGHTS: LazyLock<Vec<char>> = LazyLock::new(|| {
    let mut weights: Vec<char> = (0..=0xffff).map(|number| char::from_u32(number).unwrap_or(REPLACEMENT)).collect();
    let mut set = |character: char, weight: char| {
        if let Some(own) = weights.get_mut(character as usize) {
            *own = weight;
        }
    };
    for (letter, others) in SAME {
        others.chars().for_each(|other| set(other, *letter));
    }
    SMALL.chars().zip(CAPITAL.chars()).for_each(|(small, capital)| set(small, capital));
    for (first, last, step, capital) in ALPHABETS {
        (first..=last).step_by(step).zip((capital..).step_by(step)).for_each(|(small, capital)| set(small, capital));
    }
    weights
});

/// The weight of all characters beyond U+FFFF.
const REPLACEMENT: char = '\u{fffd}';

/// The weight of a character in `utf8mb4_general_ci`, as the character that stands for all of the weight.
pub(crate) fn weight(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_uppercase();
    }
    WEIGHTS.get(character as usize).copied().unwrap_or(REPLACEMENT)
}

/// The weight of a character in `latin1_swedish_ci`, as [`weight`].
pub(crate) fn swedish_weight(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_uppercase();
    }
    SWEDISH.iter().find(|(_, others)| others.contains(character)).map_or(character, |(letter, _)| *letter)
}

/// A text in which characters of the same weight are the same, without spaces at the end.
pub(crate) fn folded(text: &str) -> String {
    text.trim_end_matches(' ').chars().map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_and_case_make_no_difference() {
        for (one, other) in
            [("a", "Ä "), ("ß", "S"), ("é", "E"), ("ж", "Ж"), ("ё", "Е"), ("ά", "Α"), ("😀", "😁"), ("ⅷ", "Ⅷ")]
        {
            assert_eq!(folded(one), folded(other), "{one}");
        }
        for (one, other) in [("a", "b"), ("ß", "ss"), ("o", "ø"), (" a", "a")] {
            assert_ne!(folded(one), folded(other), "{one}");
        }
    }
}
