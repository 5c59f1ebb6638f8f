import "../style.css";
import "./console.css";
import "./console";
