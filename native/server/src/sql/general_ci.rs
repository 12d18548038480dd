//! Which texts `utf8mb4_general_ci` takes for the same, as members of ENUM and SET must not be.

/// Letters, and those that have the same weight beside their upper and lower case. Source: MariaDB's `WEIGHT_STRING`.
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

/// A text in which letters of the same weight are the same, without spaces at the end.
pub(crate) fn folded(text: &str) -> String {
    text.trim_end_matches(' ').chars().map(letter).collect()
}

fn letter(character: char) -> char {
    let same = SAME.iter().find(|(_, others)| !character.is_ascii() && others.contains(character));
    let mut upper = character.to_uppercase();
    match (same, upper.next(), upper.next()) {
        (Some((base, _)), ..) => *base,
        (None, Some(upper), None) => upper,
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_and_case_make_no_difference() {
        for (one, other) in [("a", "Ä "), ("ß", "S"), ("é", "E"), ("ж", "Ж"), ("ё", "Е"), ("ά", "Α")] {
            assert_eq!(folded(one), folded(other), "{one}");
        }
        for (one, other) in [("a", "b"), ("ß", "ss"), ("o", "ø"), (" a", "a")] {
            assert_ne!(folded(one), folded(other), "{one}");
        }
    }
}
